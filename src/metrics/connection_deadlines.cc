// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/connection_deadlines.h"

#include <sys/socket.h>

#include <algorithm>

namespace edl {

ConnectionDeadlines::ConnectionDeadlines(std::chrono::milliseconds longest)
    : longest_(longest), thread_("edl-http-ends", [this] { Run(); }) {}

ConnectionDeadlines::~ConnectionDeadlines() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

void ConnectionDeadlines::Add(int fd) {
  MutexLock lock(mu_);
  open_.push_back({std::chrono::steady_clock::now() + longest_, fd});
  if (open_.size() == 1) changed_.NotifyAll();
}

void ConnectionDeadlines::Remove(int fd) {
  MutexLock lock(mu_);
  auto found = std::find_if(open_.begin(), open_.end(), [fd](const Connection& one) { return one.fd == fd; });
  if (found != open_.end()) open_.erase(found);
}

void ConnectionDeadlines::Run() {
  MutexLock lock(mu_);
  while (!stopping_) {
    if (open_.empty()) {
      changed_.Wait(mu_);
    } else if (const TimePoint next = open_.front().deadline; std::chrono::steady_clock::now() < next) {
      changed_.WaitUntil(mu_, next);
    } else {
      // Under the lock, and it does not block: until Remove has it, too, the number is this connection's.
      shutdown(open_.front().fd, SHUT_RDWR);
      open_.pop_front();
    }
  }
}

}  // namespace edl
