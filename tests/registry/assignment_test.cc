// SPDX-License-Identifier: Apache-2.0
// The properties of "who teaches whom", over random sets and random churn.
#include "src/registry/assignment.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

// Student and teacher, by id.
using Links = std::set<std::pair<std::string, std::string>>;

struct Members {
  std::vector<AssignedTeacher> teachers;
  std::vector<AssignedStudent> students;

  Links Assign() const {
    auto result = AssignTeachers(teachers, students);
    EXPECT_EQ(result.size(), students.size());
    Links links;
    for (std::size_t s = 0; s < students.size(); ++s) {
      for (std::size_t t : result[s]) {
        EXPECT_TRUE(links.emplace(students[s].id, teachers.at(t).id).second) << "a link twice";
      }
    }
    return links;
  }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  int UpTo(int most) { return std::uniform_int_distribution<>(0, most)(random_); }
  std::string Id() { return "10.0." + std::to_string(random_()) + ":9898"; }
  // Weights 1 to `heaviest`; limits 0 to `limit`.
  Members Draw(int teachers, int students, int heaviest = 1, int limit = 0) {
    Members members;
    for (int t = 0; t < teachers; ++t) members.teachers.push_back({Id(), 1 + UpTo(heaviest - 1)});
    for (int s = 0; s < students; ++s) members.students.push_back({Id(), UpTo(limit)});
    return members;
  }
  // One joins or leaves.
  void Churn(Members& members) {
    switch (UpTo(3)) {
      case 0:
        members.teachers.push_back({Id(), 1});
        break;
      case 1:
        members.students.push_back({Id(), 0});
        break;
      case 2:
        if (members.teachers.size() > 1) Drop(members.teachers);
        break;
      default:
        if (members.students.size() > 1) Drop(members.students);
    }
  }
  template <typename T>
  void Shuffle(std::vector<T>& list) {
    std::shuffle(list.begin(), list.end(), random_);
  }

 private:
  template <typename T>
  void Drop(std::vector<T>& list) {
    list.erase(list.begin() + UpTo(static_cast<int>(list.size()) - 1));
  }
  std::mt19937_64 random_;
};

// Every rule of assignment.h but the one about movement.
void ExpectFair(const Members& members) {
  const Links links = members.Assign();
  std::map<std::string, std::vector<const AssignedTeacher*>> of_student;
  std::map<std::string, int> of_teacher;
  std::map<std::string, const AssignedTeacher*> by_id;
  for (const AssignedTeacher& teacher : members.teachers) by_id[teacher.id] = &teacher;
  for (const auto& [student, teacher] : links) {
    of_student[student].push_back(by_id.at(teacher));
    ++of_teacher[teacher];
  }
  bool all_full = true;
  std::int64_t least = INT64_MAX;  // of students that could take more
  auto load = [&](const std::string& student) {
    std::int64_t sum = 0;
    for (const AssignedTeacher* teacher : of_student[student]) sum += teacher->weight;
    return sum;
  };
  for (const AssignedStudent& student : members.students) {
    const auto count = static_cast<int>(of_student[student.id].size());
    ASSERT_GE(count, members.teachers.empty() ? 0 : 1) << "a student without a teacher";
    const int most = student.max_teachers > 0 ? student.max_teachers : INT32_MAX;
    ASSERT_LE(count, most);
    if (count == most) continue;
    all_full = false;
    least = std::min(least, load(student.id));
  }
  for (const AssignedTeacher& teacher : members.teachers) {
    ASSERT_GE(of_teacher[teacher.id], all_full ? 0 : 1) << "a teacher is idle that a student could take";
  }
  if (members.teachers.size() > members.students.size()) {
    for (const AssignedStudent& student : members.students) {
      std::int64_t lightest = INT64_MAX;
      for (const AssignedTeacher* t : of_student[student.id]) lightest = std::min<std::int64_t>(lightest, t->weight);
      ASSERT_LE(load(student.id) - lightest, least) << "unbalanced students";
    }
  } else {
    for (const AssignedTeacher& a : members.teachers) {
      for (const AssignedTeacher& b : members.teachers) {
        // (students of a - 1) / weight of a <= students of b / weight of b
        ASSERT_LE(std::int64_t{of_teacher[a.id] - 1} * b.weight, std::int64_t{of_teacher[b.id]} * a.weight)
            << "unbalanced teachers";
      }
    }
  }
}

TEST(Assignment, IsFairForEverySmallNumberOfTeachersAndStudents) {
  Random random(test::Seed());
  for (int teachers = 0; teachers <= 12; ++teachers) {
    for (int students = 1; students <= 12; ++students) {
      SCOPED_TRACE(std::to_string(teachers) + " teachers, " + std::to_string(students) + " students");
      ASSERT_NO_FATAL_FAILURE(ExpectFair(random.Draw(teachers, students)));
      ASSERT_NO_FATAL_FAILURE(ExpectFair(random.Draw(teachers, students, 4)));
    }
  }
}

TEST(Assignment, IsFairForRandomSetsWeightsAndLimits) {
  Random random(test::Seed());
  for (int round = 0; round < 300; ++round) {
    const int teachers = random.UpTo(150), students = 1 + random.UpTo(150);
    const int heaviest = 1 + random.UpTo(9), limit = random.UpTo(6);
    SCOPED_TRACE(std::to_string(teachers) + " teachers, " + std::to_string(students) + " students, weights to " +
                 std::to_string(heaviest) + ", limits to " + std::to_string(limit));
    ASSERT_NO_FATAL_FAILURE(ExpectFair(random.Draw(teachers, students, heaviest, limit)));
  }
}

TEST(Assignment, EqualWeightsGiveLoadsThatDifferByOneAtMost) {
  Random random(test::Seed());
  for (int round = 0; round < 50; ++round) {
    Members members = random.Draw(1 + random.UpTo(200), 1 + random.UpTo(200));
    std::map<std::string, int> of_student, of_teacher;
    for (const auto& student : members.students) of_student[student.id];
    for (const auto& teacher : members.teachers) of_teacher[teacher.id];
    for (const auto& [student, teacher] : members.Assign()) {
      ++of_student[student];
      ++of_teacher[teacher];
    }
    for (const auto& loads : {of_student, of_teacher}) {
      auto [least, most] = std::minmax_element(loads.begin(), loads.end(),
                                               [](const auto& a, const auto& b) { return a.second < b.second; });
      ASSERT_LE(most->second - least->second, 1);
      ASSERT_GE(least->second, 1);
    }
  }
}

TEST(Assignment, DoesNotDependOnTheOrderInWhichMembersAreGiven) {
  Random random(test::Seed());
  for (int round = 0; round < 50; ++round) {
    Members members = random.Draw(1 + random.UpTo(80), 1 + random.UpTo(80), 1 + random.UpTo(3), random.UpTo(3));
    const Links links = members.Assign();
    random.Shuffle(members.teachers);
    random.Shuffle(members.students);
    ASSERT_EQ(members.Assign(), links);
  }
}

// The ids of a fleet are hashed alike by every build of the library: this changes only with a version that says so.
TEST(Assignment, IsTheSameInEveryProcessAndVersion) {
  Members members;
  for (int t = 0; t < 5; ++t) members.teachers.push_back({"10.0.0." + std::to_string(t) + ":9898", 1});
  for (int s = 0; s < 2; ++s) members.students.push_back({"trainer-" + std::to_string(s), 0});
  const Links links = members.Assign();
  std::string of_first;
  for (const auto& [student, teacher] : links) {
    if (student == "trainer-0") of_first += teacher.substr(7, 1);
  }
  EXPECT_EQ(of_first, "013");
}

// What a member that joins or leaves had or gets has to move; the rest is the price of exact balance.
TEST(Assignment, AJoinOrLeaveMovesFewLinks) {
  Random random(test::Seed());
  const std::pair<int, int> sizes[] = {{100, 10}, {10, 100}, {60, 60}, {128, 31}, {20, 5}, {7, 3}};
  for (const auto& [teachers, students] : sizes) {
    Members members = random.Draw(teachers, students);
    Links links = members.Assign();
    double moved = 0, due = 0;
    for (int round = 0; round < 300; ++round) {
      random.Churn(members);
      const Links next = members.Assign();
      std::size_t kept = 0;
      for (const auto& link : next) kept += links.count(link);
      const std::size_t now_moved = std::max(next.size(), links.size()) - kept;
      const double must = static_cast<double>(std::max(members.teachers.size(), members.students.size())) /
                          static_cast<double>(std::min(members.teachers.size(), members.students.size()));
      ASSERT_LE(static_cast<double>(now_moved), 8 * must + 24)
          << members.teachers.size() << " teachers, " << members.students.size() << " students";
      moved += static_cast<double>(now_moved);
      due += (1 + must) / 2;  // half of the events are of the side that has one link each
      links = next;
    }
    EXPECT_LE(moved, 4 * due) << teachers << " teachers, " << students << " students at first";
  }
}

TEST(Assignment, AMemberThatComesBackGetsItsLinksBack) {
  Random random(test::Seed());
  Members members = random.Draw(50, 8, 3);
  const Links links = members.Assign();
  Members without = members;
  without.teachers.pop_back();
  without.students.pop_back();
  EXPECT_NE(without.Assign(), links);
  EXPECT_EQ(members.Assign(), links);
}

TEST(Assignment, OfALargeFleetTakesWellUnderASecond) {
  Random random(test::Seed());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(random.Draw(10'000, 1'000).Assign().size(), 10'000u);
  ASSERT_EQ(random.Draw(1'000, 10'000).Assign().size(), 10'000u);
  // bench/assign says how long it takes; here only that no machine, and no sanitizer, makes it a matter of minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Assignment, OfNobodyIsEmpty) {
  EXPECT_TRUE(AssignTeachers({{"a:1", 1}}, {}).empty());
  EXPECT_EQ(AssignTeachers({}, {{"s", 0}}), std::vector<std::vector<std::size_t>>(1));
}

}  // namespace
}  // namespace edl
