// SPDX-License-Identifier: Apache-2.0
// bench_assign: what sharing teachers out costs: links moved by a join or a leave beside the least possible, the time
// of one assignment, and, with an address, the commands and the time that a fleet costs one Redis.
// Least possible: the links of the member that joins or leaves.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "bench/result.h"
#include "src/registry/assignment.h"
#include "src/registry/redis_connect.h"
#include "src/registry/registry_store.h"

namespace edl::bench {
namespace {

using Links = std::set<std::pair<std::string, std::string>>;  // student, teacher
using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

struct Fleet {
  std::vector<AssignedTeacher> teachers;
  std::vector<AssignedStudent> students;

  Links Assign() const {
    Links links;
    const auto assignment = AssignTeachers(teachers, students);
    for (std::size_t s = 0; s < students.size(); ++s) {
      for (std::size_t t : assignment[s]) links.emplace(students[s].id, teachers[t].id);
    }
    return links;
  }
};

class Dice {
 public:
  std::string Id() { return "10.0." + std::to_string(random_()); }
  std::size_t Below(std::size_t count) { return random_() % count; }
  Fleet Draw(int teachers, int students, int heaviest) {
    Fleet fleet;
    for (int t = 0; t < teachers; ++t) fleet.teachers.push_back({Id(), 1 + static_cast<int>(random_() % heaviest)});
    for (int s = 0; s < students; ++s) fleet.students.push_back({Id(), 0});
    return fleet;
  }

 private:
  std::mt19937_64 random_{1};
};

enum class Event { kTeacherJoins, kTeacherLeaves, kStudentJoins, kStudentLeaves };

// Does it to `fleet`; gives the member's id.
std::string Happen(Event event, Fleet& fleet, Dice& dice) {
  std::string who;
  if (event == Event::kTeacherJoins) {
    who = fleet.teachers.emplace_back(AssignedTeacher{dice.Id(), 1}).id;
  } else if (event == Event::kStudentJoins) {
    who = fleet.students.emplace_back(AssignedStudent{dice.Id(), 0}).id;
  } else if (event == Event::kTeacherLeaves) {
    const auto gone = fleet.teachers.begin() + static_cast<std::ptrdiff_t>(dice.Below(fleet.teachers.size()));
    who = gone->id;
    fleet.teachers.erase(gone);
  } else {
    const auto gone = fleet.students.begin() + static_cast<std::ptrdiff_t>(dice.Below(fleet.students.size()));
    who = gone->id;
    fleet.students.erase(gone);
  }
  return who;
}

struct Moves {
  std::vector<double> moved;  // one number a round
  double mean = 0;
  double least = 0;  // possible; on average
  double worst() const { return *std::max_element(moved.begin(), moved.end()); }
};

Moves Measure(Event event, const Fleet& fleet, int rounds, Dice& dice) {
  const Links before = fleet.Assign();
  Moves moves;
  for (int round = 0; round < rounds; ++round) {
    Fleet changed = fleet;
    const std::string who = Happen(event, changed, dice);
    const Links after = changed.Assign();
    std::size_t kept = 0;
    for (const auto& link : after) kept += before.count(link);
    const bool joins = event == Event::kTeacherJoins || event == Event::kStudentJoins;
    const Links& own = joins ? after : before;
    const auto least = std::count_if(own.begin(), own.end(),
                                     [&](const auto& link) { return link.first == who || link.second == who; });
    const std::size_t moved = std::max(before.size(), after.size()) - kept;
    moves.moved.push_back(static_cast<double>(moved));
    moves.mean += static_cast<double>(moved) / rounds;
    moves.least += static_cast<double>(least) / rounds;
  }
  return moves;
}

Spread AssignmentMilliseconds(const Fleet& fleet) {
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    const auto start = Clock::now();
    AssignTeachers(fleet.teachers, fleet.students);
    rounds.push_back(Milliseconds(Clock::now() - start));
  }
  return Spread::Of(rounds);
}

enum class Sizes { kAll, kLargest };

// The results are those of the first size.
std::vector<Result> MeasureMoves(Sizes which) {
  std::vector<Result> results;
  std::printf("links moved: mean / least possible (worst seen)\n");
  std::printf("%8s %8s %7s %9s  %20s %20s %20s %20s\n", "teachers", "students", "weights", "time ms", "teacher joins",
              "teacher leaves", "student joins", "student leaves");
  const struct {
    int teachers, students, heaviest;
  } sizes[] = {{10'000, 1'000, 1}, {10'500, 1'000, 1}, {1'000, 10'000, 1}, {1'000, 1'000, 1}, {1'500, 1'000, 1},
               {1'000, 100, 1},    {100, 10, 1},       {20, 5, 1},         {10, 10, 1},       {7, 3, 1},
               {10'000, 1'000, 3}, {1'000, 100, 3},    {1'000, 100, 100}};
  const struct {
    Event event;
    const char* name;
  } events[] = {{Event::kTeacherJoins, "teacher_joins"},
                {Event::kTeacherLeaves, "teacher_leaves"},
                {Event::kStudentJoins, "student_joins"},
                {Event::kStudentLeaves, "student_leaves"}};
  Dice dice;
  for (const auto& size : sizes) {
    const bool counts = &size == &sizes[0];
    if (!counts && which == Sizes::kLargest) break;
    const std::string name = absl::StrCat(size.teachers, "x", size.students);
    const Fleet fleet = dice.Draw(size.teachers, size.students, size.heaviest);
    const Spread time = AssignmentMilliseconds(fleet);
    if (counts) results.push_back({absl::StrCat("assign_ms_", name), time, "ms", {}, ""});
    std::printf("%8d %8d %7d %9.1f ", size.teachers, size.students, size.heaviest, time.median);
    const int rounds = size.teachers + size.students > 5'000 ? 10 : 300;
    for (const auto& [event, event_name] : events) {
      const Moves moves = Measure(event, fleet, rounds, dice);
      std::printf(" %6.1f / %4.1f %6s", moves.mean, moves.least, absl::StrCat("(", moves.worst(), ")").c_str());
      if (!counts) continue;
      results.push_back({absl::StrCat("assign_moves_", event_name, "_", name),
                         Spread::Of(moves.moved),
                         "links",
                         {{"least possible", moves.least}, {"mean", moves.mean}},
                         ""});
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return results;
}

// Commands that Redis has run, and the seconds of processor time it took for all it did.
struct Usage {
  double commands = 0, seconds = 0;
};

double InfoField(const std::string& info, const std::string& field) {
  const std::size_t at = info.find("\n" + field + ":");
  return at == std::string::npos ? 0 : std::stod(info.substr(at + field.size() + 2));
}

Usage ReadUsage(RedisConnection& redis) {
  const std::string info = redis.Call({"INFO", "everything"}).value().text;
  return {InfoField(info, "total_commands_processed"),
          InfoField(info, "used_cpu_sys_main_thread") + InfoField(info, "used_cpu_user_main_thread")};
}

// What one call of `act` costs Redis, on average.
template <typename Act>
Usage Cost(RedisConnection& redis, int times, Act act) {
  const Usage before = ReadUsage(redis);
  for (int i = 0; i < times; ++i) act(i);
  const Usage after = ReadUsage(redis);
  return {(after.commands - before.commands - 1) / times, (after.seconds - before.seconds) / times};
}

TeacherLease LeaseOf(int teacher, const std::string& id) {
  TeacherLease lease;
  lease.endpoint = "10.1." + std::to_string(teacher / 250) + "." + std::to_string(teacher % 250) + ":9898";
  lease.id = id;
  lease.model = "resnext101";
  return lease;
}

// Adds to `results`. Its exit status.
int MeasureRedis(const std::string& url, std::vector<Result>& results) {
  constexpr int kTeachers = 10'000, kStudents = 1'000;
  constexpr double kBeatsPerSecond = 1 / 1.5;
  constexpr std::chrono::hours kLong(1);
  auto address = RedisAddress::Parse(url);
  if (!address.ok()) return std::fprintf(stderr, "%s\n", address.status().ToString().c_str()), 2;
  Interrupt interrupt;
  auto redis = ConnectToRedis(*address, {std::chrono::seconds(10), std::chrono::seconds(60)}, interrupt);
  if (!redis.ok()) return std::fprintf(stderr, "%s\n", redis.status().ToString().c_str()), 1;
  RegistryStore store(**redis, "bench-assign");
  std::vector<TeacherLease> leases;
  for (int t = 0; t < kTeachers; ++t) {
    leases.push_back(LeaseOf(t, std::to_string(t)));
    (void)store.RenewTeacher(leases.back(), kLong).value();
  }
  for (int s = 0; s < kStudents; ++s) (void)store.RenewStudent("student" + std::to_string(s) + "/0", kLong).value();

  const Usage teacher = Cost(
      **redis, kTeachers, [&](int t) { (void)store.RenewTeacher(leases[static_cast<std::size_t>(t)], kLong).value(); });
  const Usage student = Cost(**redis, kTeachers, [&](int s) {
    (void)store.RenewStudent("student" + std::to_string(s % kStudents) + "/0", kLong).value();
  });
  const auto start = Clock::now();
  const std::int64_t version = store.Read(0).value().version;
  const double full_ms = Milliseconds(Clock::now() - start);
  const Usage full = Cost(**redis, 20, [&](int) { (void)store.Read(0).value(); });
  leases[0].weight = 2;
  (void)store.RenewTeacher(leases[0], kLong).value();
  const Usage change = Cost(**redis, 10'000, [&](int) { (void)store.Read(version).value(); });

  std::printf("\none Redis, %d teachers, %d students (commands include those inside scripts)\n", kTeachers, kStudents);
  std::printf("%-34s %10s %14s\n", "", "commands", "Redis' time");
  auto line = [](const char* what, const Usage& usage) {
    std::printf("%-34s %10.1f %11.1f us\n", what, usage.commands, usage.seconds * 1e6);
  };
  line("a teacher's heartbeat", teacher);
  line("a student's heartbeat and poll", student);
  line("a student reads one change", change);
  line("a student reads everything", full);
  std::printf("reading everything takes %.1f ms\n", full_ms);
  const double requests = (kTeachers + kStudents) * kBeatsPerSecond;
  const double busy = (kTeachers * teacher.seconds + kStudents * student.seconds) * kBeatsPerSecond;
  std::printf("the fleet at rest: %.0f requests/s, one core %.1f %% busy\n", requests, 100 * busy);
  std::printf("each change: %d more requests, %.1f ms of one core\n", kStudents, kStudents * change.seconds * 1e3);
  auto add = [&](const char* what, double value, const char* unit) {
    results.push_back(
        {absl::StrCat("assign_redis_", what), Spread::Of({value}), unit, {}, "10,000 teachers, 1,000 students"});
  };
  add("heartbeat_us", teacher.seconds * 1e6, "us");
  add("poll_us", student.seconds * 1e6, "us");
  add("change_us", change.seconds * 1e6, "us");
  add("read_all_ms", full_ms, "ms");
  add("core_share_at_rest", busy, "ratio");
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  using namespace edl::bench;
  std::string redis, json;
  CLI::App app("Measures what sharing teachers out costs.");
  app.add_option("redis", redis, "redis://host:port: an empty Redis, which nothing else uses meanwhile");
  bool quick = false;
  app.add_flag("--quick", quick, "Only the largest fleet, of which the results are");
  app.add_option("--json", json, "Also write the results there");
  CLI11_PARSE(app, argc, argv);
  std::string command = "bench_assign";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  std::vector<Result> results = MeasureMoves(quick ? Sizes::kLargest : Sizes::kAll);
  const int status = redis.empty() ? 0 : MeasureRedis(redis, results);
  WriteJson(results, command, json);
  return status;
}
