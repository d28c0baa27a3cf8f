// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/stop_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

namespace resnet {
namespace {

// What a signal handler may touch: it knows no object. The handler sets the first; the others are the object's, and
// read by the handler and by its thread.
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
std::atomic<bool> requested_flag{false};
std::atomic<bool> ended_flag{false};
std::atomic<int> wake{-1};  // an eventfd

void Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake.load(), &one, sizeof one);  // cannot fail: the count is small
}

void OnSignal(int) {
  requested_flag.store(true);
  Wake();
}

constexpr int kSignals[] = {SIGTERM, SIGINT};

}  // namespace

StopSignal::StopSignal() {
  requested_flag.store(false);
  ended_flag.store(false);
  const int fd = eventfd(0, EFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  wake.store(fd);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "resnet-stop");
    std::uint64_t count = 0;
    while (read(wake.load(), &count, sizeof count) < 0) {
    }
    if (!ended_flag.load()) RunHook();
  });
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  for (int signal : kSignals) sigaction(signal, &action, nullptr);
}

StopSignal::~StopSignal() {
  for (int signal : kSignals) std::signal(signal, SIG_DFL);
  ended_flag.store(true);
  Wake();
  thread_.join();
  close(wake.exchange(-1));
}

bool StopSignal::requested() const {
  return requested_flag.load();
}

// Who sets a hook looks for the signal afterwards, and who brings the signal for a hook: one of them runs it, or both
// do, which costs nothing.
StopSignal::Hook::Hook(StopSignal& signal, std::function<void()> on_stop) : signal_(signal) {
  {
    const std::lock_guard<std::mutex> lock(signal_.mu_);
    signal_.on_stop_ = std::move(on_stop);
  }
  if (signal_.requested()) signal_.RunHook();
}

StopSignal::Hook::~Hook() {
  const std::lock_guard<std::mutex> lock(signal_.mu_);
  signal_.on_stop_ = nullptr;
}

void StopSignal::RunHook() {
  const std::lock_guard<std::mutex> lock(mu_);
  if (on_stop_) on_stop_();
}

}  // namespace resnet
