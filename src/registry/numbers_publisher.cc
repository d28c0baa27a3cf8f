// SPDX-License-Identifier: Apache-2.0
#include "src/registry/numbers_publisher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/registry/registry_store.h"

namespace edl {
namespace {

// One who looks shall see the last numbers of a member that died, beside that its lease has run out.
constexpr int kLeases = 3;

}  // namespace

NumbersPublisher::NumbersPublisher(std::function<std::string()> numbers, std::string service,
                                   std::chrono::milliseconds lease, std::chrono::milliseconds gap)
    : numbers_(std::move(numbers)), service_(std::move(service)), lifetime_(kLeases * lease), gap_(gap) {}

absl::Status NumbersPublisher::Publish(RedisConnection& redis, const std::string& member) {
  const TimePoint now = std::chrono::steady_clock::now();
  if (numbers_ == nullptr || now < next_) return absl::OkStatus();
  next_ = now + gap_;
  absl::Status status = Write(redis, member);
  if (redis.broken()) return status;  // whoever renews the lease says so
  if (!status.ok() && !failing_) Log().warn("{} does not show how it does: {}", member, status.ToString());
  published_ = published_ || status.ok();
  failing_ = !status.ok();
  return absl::OkStatus();
}

absl::Status NumbersPublisher::Write(RedisConnection& redis, const std::string& member) {
  EDL_ASSIGN_OR_RETURN(const std::string text, Guarded([&]() -> absl::StatusOr<std::string> { return numbers_(); }));
  if (text.size() > kMostNumbersBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("its numbers have ", text.size(), " bytes; expected ", kMostNumbersBytes, " at most"));
  }
  return RegistryStore(redis, service_).WriteNumbers(member, text, lifetime_);
}

void NumbersPublisher::Remove(RedisConnection& redis, const std::string& member) {
  if (!published_ || redis.broken()) return;
  RegistryStore(redis, service_).RemoveNumbers(member).IgnoreError();  // they run out by themselves
  published_ = false;
}

}  // namespace edl
