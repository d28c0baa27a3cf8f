// SPDX-License-Identifier: Apache-2.0
#include "src/registry/teacher_share.h"

#include <algorithm>
#include <utility>

#include "src/base/log.h"
#include "src/registry/assignment.h"

namespace edl {

TeacherShare::TeacherShare(std::string student, int max_teachers, std::chrono::milliseconds at_once,
                           std::chrono::milliseconds grace)
    : student_(std::move(student)), max_teachers_(max_teachers), at_once_(at_once), grace_(grace) {}

std::optional<TeacherSet> TeacherShare::Update(const RegistryView& view, TimePoint now, TimePoint settled) {
  next_look_.reset();
  NoteLosses(view, now);
  const bool lost_any = std::any_of(known_.begin(), known_.end(), [](const auto& known) { return known.second.lost; });
  const bool gathering = lost_any || view.students().size() < students_;
  if (gathering && now < settled && !told_.empty()) {
    next_look_ = settled;
    return std::nullopt;
  }
  DoubtLosses(view.teachers().size(), now);
  students_ = view.students().size();
  ForgetLost(!view.teachers().empty(), now);
  std::vector<std::string> share = Assigned(view);
  for (const std::string& endpoint : told_) {
    auto known = known_.find(endpoint);
    if (known != known_.end() && known->second.lost && known->second.kept) share.push_back(endpoint);
  }
  if (share == told_) return std::nullopt;
  told_ = share;
  return TeacherSet{std::move(share)};
}

void TeacherShare::NoteLosses(const RegistryView& view, TimePoint now) {
  for (const auto& [endpoint, teacher] : view.teachers()) {
    known_[endpoint] = {teacher.state == TeacherState::kDraining, std::nullopt, false};
  }
  for (auto known = known_.begin(); known != known_.end();) {
    if (view.teachers().count(known->first) != 0) {
      ++known;
    } else if (known->second.draining || view.left().count(known->first) != 0) {
      known = known_.erase(known);
    } else {
      if (!known->second.lost) known->second.lost = now;
      ++known;
    }
  }
}

// Did more than half of the teachers vanish at once? Then those are kept.
void TeacherShare::DoubtLosses(std::size_t listed, TimePoint now) {
  auto recent = [&](const Known& known) { return known.lost && (known.kept || now - *known.lost < at_once_); };
  std::size_t lost = 0;
  std::size_t fresh = 0;
  for (const auto& [endpoint, known] : known_) {
    lost += recent(known);
    fresh += recent(known) && !known.kept;
  }
  if (lost <= listed) return;
  if (fresh > 0) {
    Log().warn("{} of {} teachers vanished from the registry at once; those that are used are kept until they fail",
               lost, lost + listed);
  }
  for (auto& [endpoint, known] : known_) known.kept = known.kept || recent(known);
}

// Lost ones are remembered for as long as they count: towards "at once", or as kept.
void TeacherShare::ForgetLost(bool any_listed, TimePoint now) {
  for (auto known = known_.begin(); known != known_.end();) {
    const Known& lost = known->second;
    const bool for_ever = lost.kept && !any_listed;
    if (!lost.lost || for_ever) {
      ++known;
      continue;
    }
    const TimePoint until = *lost.lost + (lost.kept ? grace_ : at_once_);
    if (now >= until) {
      known = known_.erase(known);
    } else {
      if (lost.kept && (!next_look_ || until < *next_look_)) next_look_ = until;
      ++known;
    }
  }
}

std::vector<std::string> TeacherShare::Assigned(const RegistryView& view) const {
  std::vector<AssignedTeacher> teachers;
  for (const auto& [endpoint, teacher] : view.teachers()) {
    if (teacher.state == TeacherState::kServing) teachers.push_back({endpoint, teacher.weight});
  }
  std::map<std::string, int> students = view.students();
  students[student_] = max_teachers_;  // whatever became of its own lease
  std::vector<AssignedStudent> all;
  std::size_t mine = 0;
  for (const auto& [name, most] : students) {
    if (name == student_) mine = all.size();
    all.push_back({name, most});
  }
  const std::vector<std::vector<std::size_t>> assignment = AssignTeachers(teachers, all);
  std::vector<std::string> share;
  for (std::size_t t : assignment[mine]) share.push_back(teachers[t].id);
  return share;
}

}  // namespace edl
