// SPDX-License-Identifier: Apache-2.0
#include "src/top/fleet_feed.h"

#include <utility>

#include "src/base/status.h"
#include "src/registry/redis_connect.h"

namespace edl {
namespace {

// With a thousand keys each: a database of millions is gone over in some looks.
constexpr int kPages = 10;

}  // namespace

absl::StatusOr<std::unique_ptr<FleetFeed>> FleetFeed::Start(RedisAddress address, std::chrono::milliseconds interval,
                                                            std::string service) {
  std::unique_ptr<FleetFeed> feed(new FleetFeed(std::move(address), interval, std::move(service)));
  if (!feed->interrupt_.ok()) return absl::ResourceExhaustedError("no file descriptor is left");
  feed->thread_ = Thread("edl-fleet", [feed = feed.get()] { feed->Run(); });
  return feed;
}

FleetFeed::FleetFeed(RedisAddress address, std::chrono::milliseconds interval, std::string service)
    : address_(std::move(address)), interval_(interval), service_(std::move(service)) {}

FleetFeed::~FleetFeed() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  interrupt_.Set();
  thread_.Join();
}

void FleetFeed::Choose(const std::string& service) {
  MutexLock lock(mu_);
  if (service == service_) return;
  service_ = service;
  wanted_ = true;
  changed_.NotifyAll();
}

bool FleetFeed::News(std::int64_t& seen, FleetNews& news) {
  MutexLock lock(mu_);
  if (seen == serial_) return false;
  seen = serial_;
  news = news_;
  return true;
}

void FleetFeed::Run() {
  while (true) {
    Look();
    MutexLock lock(mu_);
    const TimePoint next = std::chrono::steady_clock::now() + interval_;
    while (!stopping_ && !wanted_ && std::chrono::steady_clock::now() < next) changed_.WaitUntil(mu_, next);
    if (stopping_) return;
  }
}

void FleetFeed::Look() {
  std::string service;
  {
    MutexLock lock(mu_);
    wanted_ = false;
    service = service_;
  }
  absl::StatusOr<FleetSnapshot> fleet = Read(service);
  if (!fleet.ok()) {
    reader_.reset();
    redis_.reset();
  }
  MutexLock lock(mu_);
  news_.status = fleet.status();
  if (fleet.ok()) {
    news_.fleet = *std::move(fleet);
    news_.any = true;
  }
  ++serial_;
}

absl::StatusOr<FleetSnapshot> FleetFeed::Read(const std::string& service) {
  if (redis_ == nullptr) {
    EDL_ASSIGN_OR_RETURN(redis_, ConnectToRedis(address_, {}, interrupt_));
    reader_ = std::make_unique<FleetReader>(*redis_);
  }
  EDL_RETURN_IF_ERROR(reader_->FindServices(kPages).status());
  return reader_->Read(service);
}

}  // namespace edl
