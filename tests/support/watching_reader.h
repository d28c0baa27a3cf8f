// SPDX-License-Identifier: Apache-2.0
// WatchingReader: what a watcher of a real Redis tells its reader; and teachers that are only leases.
// Thread-safety: any thread.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "edl/teachers.h"
#include "gtest/gtest.h"
#include "src/base/mutex.h"
#include "src/registry/lease_keeper.h"
#include "tests/support/redis_process.h"

namespace edl::test {

using Endpoints = std::set<std::string>;

// Of service "s", with short times, so that what follows a change follows soon.
inline RedisTeachersOptions QuickWatch(const RedisProcess& redis) {
  RedisTeachersOptions options;
  options.redis = redis.url();
  options.service = "s";
  options.poll = std::chrono::milliseconds(100);
  options.lease = std::chrono::milliseconds(2000);
  options.foreign_scan = std::chrono::milliseconds(100);
  options.timeout = std::chrono::milliseconds(300);
  return options;
}

// A reader's side of a watcher.
class WatchingReader {
 public:
  explicit WatchingReader(const RedisTeachersOptions& options, int max_teachers = 0)
      : watcher_(RedisTeachers(options)) {
    watcher_->SetMaxTeachers(max_teachers);
    absl::Status started = watcher_->Start([this](const TeacherSet& set) {
      MutexLock lock(mu_);
      endpoints_ = Endpoints(set.endpoints.begin(), set.endpoints.end());
      EXPECT_EQ(endpoints_.size(), set.endpoints.size()) << "a teacher is told twice";
      ++times_;
      changed_.NotifyAll();
    });
    EXPECT_TRUE(started.ok()) << started;
  }

  Endpoints endpoints() {
    MutexLock lock(mu_);
    return endpoints_;
  }
  int times_told() {
    MutexLock lock(mu_);
    return times_;
  }
  void Await(const Endpoints& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(mu_);
    while (endpoints_ != wanted) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ::testing::PrintToString(endpoints_);
      changed_.WaitUntil(mu_, deadline);
    }
  }

 private:
  Mutex mu_;
  CondVar changed_;
  Endpoints endpoints_ ABSL_GUARDED_BY(mu_);
  int times_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<TeacherWatcher> watcher_;  // last: stops telling before the rest goes
};

inline std::unique_ptr<LeaseKeeper> Teach(const RedisProcess& redis, const std::string& endpoint,
                                          const std::string& url = "") {
  LeaseOptions options;
  options.redis = url.empty() ? redis.url() : url;
  options.service = "s";
  options.endpoint = endpoint;
  options.lease = std::chrono::milliseconds(2000);
  options.heartbeat = std::chrono::milliseconds(100);
  options.timeouts = {std::chrono::milliseconds(300), std::chrono::milliseconds(300)};
  auto keeper = LeaseKeeper::Start(options, nullptr);
  EXPECT_TRUE(keeper.ok()) << keeper.status();
  absl::Status listed = (*keeper)->AwaitListed(std::chrono::seconds(30));
  EXPECT_TRUE(listed.ok()) << listed;
  return *std::move(keeper);
}

// As if a process was killed: nobody renews, nobody deregisters.
inline void Vanish(RedisProcess& redis, const std::string& endpoint) {
  redis.Call({"DEL", "/service/s/nodes/" + endpoint});
  redis.Call({"ZADD", "/service/s/teachers", "1", endpoint});
}

}  // namespace edl::test
