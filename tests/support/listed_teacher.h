// SPDX-License-Identifier: Apache-2.0
// ListedTeacher: a real teacher (real_teacher.h) with a lease in a real Redis, and the student's side of that Redis.
// Why not edl-teacher --redis: the lease is kept in the test's process, so that a test can harm one without the other.
// Thread-safety: one thread at a time.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/registry/lease_keeper.h"
#include "tests/support/real_teacher.h"
#include "tests/support/redis_process.h"
#include "tests/support/short_lease.h"

namespace edl::test {

class ListedTeacher {
 public:
  // Listed when it returns, if Redis can be reached.
  ListedTeacher(TeacherPtr process, std::string redis);

  testing::TeacherProcess& process() { return *process_; }
  const std::string& endpoint() const { return process_->endpoint(); }
  LeaseKeeper& lease() { return *lease_; }
  // Its heart stops, or goes on: the lease is not renewed, and runs out.
  void set_well(bool well) { *well_ = well; }
  bool listed() { return lease_->AwaitListed(std::chrono::milliseconds(0)).ok(); }

  // Both are gone without a word: the lease runs out.
  void Kill();
  // A new process, on the same endpoint, and a new lease.
  void Restart();
  // Gives up the lease, which goes on being renewed.
  std::unique_ptr<LeaseKeeper> TakeLease() { return std::move(lease_); }

 private:
  void KeepLease();

  TeacherPtr process_;
  const std::string redis_;
  std::shared_ptr<std::atomic<bool>> well_;
  std::unique_ptr<LeaseKeeper> lease_;
};

std::vector<std::unique_ptr<ListedTeacher>> StartListedTeachers(int count, const std::string& redis);

}  // namespace edl::test
