// SPDX-License-Identifier: Apache-2.0
// Assignment: who teaches whom. Every student computes it for itself, from the same members, with the same result.
// Shapes: with more students than teachers each student gets one teacher; with more teachers than students each teacher
//         gets one student.
// Rules, for any members:
//   - the result depends on the ids, weights and limits alone: not on the order, the process or the past;
//   - every student has a teacher when there is any; every teacher has a student, while one may take it;
//   - balance: no load exceeds another by more than the last link that made it up. A teacher's load is its students
//     over its weight; a student's is the weight that it gets, and one that is at its limit does not count;
//   - a join or a leave moves two to five times the links of that member, for each weight that there is: something that
//     is exactly balanced and knows no past must move others' too (docs/decisions/assignment.md has proof and numbers).
// Thread-safety: pure.
// Cost: 10,000 teachers and 1,000 students, or the reverse: some 75 ms on one core; memory: a megabyte or ten.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace edl {

struct AssignedTeacher {
  std::string id;
  int weight = 1;  // 1 or more
};

struct AssignedStudent {
  std::string id;
  int max_teachers = 0;  // 0: any number
};

// For each student the indices of its teachers, best first: by the order that it would prefer them in. Ids differ.
std::vector<std::vector<std::size_t>> AssignTeachers(const std::vector<AssignedTeacher>& teachers,
                                                     const std::vector<AssignedStudent>& students);

}  // namespace edl
