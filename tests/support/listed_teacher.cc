// SPDX-License-Identifier: Apache-2.0
#include "tests/support/listed_teacher.h"

#include "gtest/gtest.h"

namespace edl::test {

ListedTeacher::ListedTeacher(TeacherPtr process, std::string redis)
    : process_(std::move(process)), redis_(std::move(redis)) {
  KeepLease();
  lease_->AwaitListed(std::chrono::seconds(2)).IgnoreError();
}

void ListedTeacher::KeepLease() {
  well_ = std::make_shared<std::atomic<bool>>(true);
  auto lease = LeaseKeeper::Start(ShortLease(redis_, process_->endpoint()), [well = well_] {
    return *well ? absl::OkStatus() : absl::UnavailableError("the test says so");
  });
  EXPECT_TRUE(lease.ok()) << lease.status();
  lease_ = *std::move(lease);
}

void ListedTeacher::Kill() {
  set_well(false);
  process_->Kill();
}

void ListedTeacher::Restart() {
  process_ = test::Restart(*process_);
  KeepLease();
}

std::vector<std::unique_ptr<ListedTeacher>> StartListedTeachers(int count, const std::string& redis) {
  std::vector<std::unique_ptr<ListedTeacher>> teachers;
  for (TeacherPtr& process : StartRealTeachers(count)) {
    teachers.push_back(std::make_unique<ListedTeacher>(std::move(process), redis));
    EXPECT_TRUE(teachers.back()->listed());
  }
  return teachers;
}

}  // namespace edl::test
