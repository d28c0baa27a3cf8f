// SPDX-License-Identifier: Apache-2.0
// bench_scale: what a batch costs in CPU time as the fleet grows: one reader with 1 to 256 teachers, and one teacher
// with 1 to 64 readers. A paced source gives so many batches a second in all, whatever the fleet, so that its size is
// the only difference; teachers answer at once, from a process of their own.
// Limits: loopback; tiny tensors; all readers share one process, and all teachers another.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "bench/fleet_process.h"
#include "bench/result.h"
#include "bench/timed_sleep.h"
#include "edl/distill_reader.h"
#include "src/base/thread.h"

namespace edl::bench {
namespace {

constexpr int kMostTeachers = 256;
constexpr int kMostStudents = 64;

struct Settings {
  int rounds = 3;
  double seconds = 0.8;
  int rate = 1000;
  std::vector<int> teachers = {1, 16, kMostTeachers};
  std::vector<int> students = {1, 16, kMostStudents};
  std::string json;
};

// CPU time of a process so far; 0: of this one.
double CpuSeconds(pid_t pid) {
  clockid_t clock;
  timespec time;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) std::abort();
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A batch each `period`; those that are late come at once.
std::unique_ptr<BatchSource> PacedSource(Clock::duration period) {
  Tensor x = Tensor::FromVector<std::int64_t>({1, 1}, {1}).value();
  return FromBatches([period, x = std::move(x)](std::int64_t) -> Generator<Fields> {
    return [period, x, next = Clock::now()]() mutable {
      SleepUntil(next += period);
      return std::optional<Fields>({x});
    };
  });
}

// A reader, and a thread that takes all that it gives.
class Student {
 public:
  Student(const std::vector<std::string>& endpoints, Clock::duration period) {
    ReaderOptions options;
    options.fields = {"x"};
    options.predictions = {"y"};
    reader_ = DistillReader::Create(PacedSource(period), FixedTeachers(endpoints), std::move(options)).value();
    thread_ = Thread("bench-student", [this] {
      while (true) {
        auto batch = reader_->Next();
        if (absl::IsCancelled(batch.status())) return;
        if (!batch.ok()) std::abort();
        batches_.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  ~Student() {
    reader_->Shutdown();
    thread_.Join();
  }

  std::int64_t batches() const { return batches_.load(std::memory_order_relaxed); }
  void AwaitReady() const {
    while (true) {
      const ReaderStats stats = reader_->Stats();
      auto ready = [](const LaneStats& lane) { return lane.state == "ready"; };
      if (!stats.lanes.empty() && std::all_of(stats.lanes.begin(), stats.lanes.end(), ready)) return;
      SleepUntil(Clock::now() + std::chrono::milliseconds(10));
    }
  }

 private:
  std::unique_ptr<DistillReader> reader_;
  std::atomic<std::int64_t> batches_{0};  // by the thread; a count only
  Thread thread_;
};

// Microseconds of CPU a batch, and batches a second.
struct Cost {
  double students_us = 0;
  double teachers_us = 0;
  double rate = 0;
  double both_us() const { return students_us + teachers_us; }
};

Cost MeasureCost(const FleetProcess& fleet, int teachers, int students, const Settings& settings) {
  std::vector<std::unique_ptr<Student>> readers;
  for (int s = 0; s < students; ++s) {
    readers.push_back(
        std::make_unique<Student>(fleet.endpoints(teachers), FromSeconds(1.0 * students / settings.rate)));
  }
  for (const auto& reader : readers) reader->AwaitReady();
  SleepUntil(Clock::now() + std::chrono::milliseconds(300));
  auto batches = [&] {
    std::int64_t sum = 0;
    for (const auto& reader : readers) sum += reader->batches();
    return static_cast<double>(sum);
  };
  const Clock::time_point start = Clock::now();
  const double students_before = CpuSeconds(0), teachers_before = CpuSeconds(fleet.pid()), batches_before = batches();
  SleepUntil(start + FromSeconds(settings.seconds));
  const double done = std::max(batches() - batches_before, 1.0);
  return {1e6 * (CpuSeconds(0) - students_before) / done, 1e6 * (CpuSeconds(fleet.pid()) - teachers_before) / done,
          done / Seconds(Clock::now() - start)};
}

using Size = std::pair<int, int>;  // teachers, students
using Costs = std::map<Size, std::vector<Cost>>;

Spread Of(const std::vector<Cost>& costs, double (*value)(const Cost&)) {
  std::vector<double> values;
  for (const Cost& cost : costs) values.push_back(value(cost));
  return Spread::Of(values);
}
double StudentsCpu(const Cost& cost) {
  return cost.students_us;
}
double TeachersCpu(const Cost& cost) {
  return cost.teachers_us;
}
double BothCpu(const Cost& cost) {
  return cost.both_us();
}

void Print(const std::vector<Size>& sizes, const Costs& costs) {
  std::printf("CPU us a batch (median), and beside the first of its kind\n");
  std::printf("%8s %8s   %9s   %9s %6s   %9s %6s\n", "teachers", "students", "batches/s", "students'", "", "teachers'",
              "");
  const std::vector<Cost>& one = costs.at({1, 1});
  for (const Size& size : sizes) {
    const std::vector<Cost>& these = costs.at(size);
    const double students = Of(these, StudentsCpu).median, teachers = Of(these, TeachersCpu).median;
    std::printf("%8d %8d   %9.0f   %9.1f %5.2fx   %9.1f %5.2fx\n", size.first, size.second,
                Of(these, [](const Cost& cost) { return cost.rate; }).median, students,
                students / Of(one, StudentsCpu).median, teachers, teachers / Of(one, TeachersCpu).median);
  }
}

// Rounds of `size` over those of one teacher and one student.
Result Growth(const std::string& name, const Costs& costs, const Size& size, double (*value)(const Cost&),
              std::string note) {
  const std::vector<Cost>&many = costs.at(size), &one = costs.at({1, 1});
  std::vector<double> ratios;
  for (std::size_t round = 0; round < many.size(); ++round) ratios.push_back(value(many[round]) / value(one[round]));
  return {name,
          Spread::Of(ratios),
          "ratio",
          {{"1 and 1: students, CPU us/batch", Of(one, StudentsCpu).median},
           {"1 and 1: teachers, CPU us/batch", Of(one, TeachersCpu).median},
           {"students, CPU us/batch", Of(many, StudentsCpu).median},
           {"teachers, CPU us/batch", Of(many, TeachersCpu).median}},
          std::move(note)};
}

int Measure(const Settings& settings, const std::string& command) {
  std::vector<Size> sizes;
  for (int teachers : settings.teachers) sizes.push_back({teachers, 1});
  for (int students : settings.students) {
    if (students > 1) sizes.push_back({1, students});
  }
  const FleetProcess fleet(kMostTeachers);
  Costs costs;
  std::mt19937 random(1);
  for (int round = 0; round < settings.rounds; ++round) {
    std::vector<Size> order = sizes;
    std::shuffle(order.begin(), order.end(), random);
    for (const Size& size : order) costs[size].push_back(MeasureCost(fleet, size.first, size.second, settings));
  }
  Print(sizes, costs);
  const std::vector<Result> results = {
      Growth("cost_256_teachers_vs_1", costs, {kMostTeachers, 1}, StudentsCpu,
             absl::StrCat("CPU a batch of the reader's process, at ", settings.rate, " batches/s in all")),
      Growth("cost_64_students_vs_1", costs, {1, kMostStudents}, BothCpu,
             absl::StrCat("CPU a batch of the teacher's process and the students', at ", settings.rate,
                          " batches/s in all")),
  };
  Print(results);
  WriteJson(results, command, settings.json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  using namespace edl::bench;
  WakeOnTime();
  Settings settings;
  bool full = false;
  CLI::App app("Measures what a batch costs in CPU time as the fleet grows.");
  app.option_defaults()->always_capture_default();
  CLI::Option* rounds = app.add_option("--rounds", settings.rounds, "Runs of each size")->check(CLI::Range(1, 1000));
  CLI::Option* seconds =
      app.add_option("--seconds", settings.seconds, "Length of a run")->check(CLI::Range(0.05, 600.0));
  app.add_option("--rate", settings.rate, "Batches a second, in all")->check(CLI::Range(1, 100'000));
  app.add_flag("--full", full, "1, 4, 16, 64 and 256 teachers, 1, 4, 16 and 64 students, 7 rounds of 3 s");
  app.add_option("--json", settings.json, "Also write the results there");

  // What this program starts of itself.
  int teachers = 0;
  std::string list;
  CLI::App* serve = app.add_subcommand("serve")->group("");
  serve->add_option("--teachers", teachers)->required();
  serve->add_option("--list", list)->required();
  CLI11_PARSE(app, argc, argv);

  if (serve->parsed()) ServeFleet(teachers, list);
  if (full && rounds->count() == 0) settings.rounds = 7;
  if (full && seconds->count() == 0) settings.seconds = 3;
  if (full) settings.teachers = {1, 4, 16, 64, kMostTeachers};
  if (full) settings.students = {1, 4, 16, kMostStudents};
  std::string command = "bench_scale";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return Measure(settings, command);
}
