// SPDX-License-Identifier: Apache-2.0
// bench_overlap: how close a student and its teachers come to the rate of the slower of them, through the whole reader,
// over real sockets to servers in this process; students and teachers sleep instead of computing.
// Limits: loopback; tiny tensors, so that waiting is measured and not moving bytes; one student. See overlap_mix.h for
// what is counted.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "bench/overlap_mix.h"
#include "bench/result.h"

namespace edl::bench {
namespace {

struct Settings {
  int rounds = 1;
  double seconds = 0.8;
  std::vector<int> teachers = {1, 4};
  OverlapBounds bounds;
  std::string only;
  std::string json;
};

struct Measured {
  OverlapMix mix;
  std::vector<OverlapRun> runs;

  Spread Of(double OverlapRun::*field) const {
    std::vector<double> values;
    for (const OverlapRun& run : runs) values.push_back(run.*field);
    return Spread::Of(values);
  }
};

void Print(const std::vector<Measured>& all) {
  std::printf("share: achieved rate / the slower side's, from the times that steps and teachers really took\n");
  std::printf("%-52s %6s  %-15s %9s %9s %9s %7s %9s\n", "", "share", "least to most", "delivered", "student",
              "teachers", "hedged", "ejections");
  std::printf("%-52s %6s  %-15s %29s\n", "", "", "", "batches/s");
  for (const Measured& one : all) {
    const Spread share = one.Of(&OverlapRun::share);
    std::printf("%-52s %6.3f  %6.3f to %-5.3f %9.1f %9.1f %9.1f %6.1f%% %9.0f\n", one.mix.ToString().c_str(),
                share.median, share.least, share.most, one.Of(&OverlapRun::delivered).median,
                one.Of(&OverlapRun::student_rate).median, one.Of(&OverlapRun::teacher_rate).median,
                100 * one.Of(&OverlapRun::hedged).median, one.Of(&OverlapRun::ejections).median);
  }
}

// The mix of these with the least median; nothing when none was measured.
std::vector<Result> Least(const std::string& name, const std::vector<Measured>& all, TeacherTimes times, Order order) {
  const Measured* least = nullptr;
  int count = 0;
  for (const Measured& one : all) {
    if (one.mix.times != times || one.mix.order != order) continue;
    ++count;
    if (least == nullptr || one.Of(&OverlapRun::share).median < least->Of(&OverlapRun::share).median) least = &one;
  }
  if (least == nullptr) return {};
  return {{name,
           least->Of(&OverlapRun::share),
           "ratio",
           {{"student, batches/s", least->Of(&OverlapRun::student_rate).median},
            {"teachers, batches/s", least->Of(&OverlapRun::teacher_rate).median}},
           absl::StrCat("the least of ", count, " mixes: ", least->mix.ToString(),
                        "; rates from realised times, so a sample's luck is not the reader's")}};
}

int Measure(const Settings& settings, const std::string& command) {
  std::vector<Measured> all;
  for (const OverlapMix& mix : AllMixes(settings.teachers)) {
    if (mix.ToString().find(settings.only) != std::string::npos) all.push_back({mix, {}});
  }
  for (int round = 0; round < settings.rounds; ++round) {
    for (Measured& one : all) {
      one.runs.push_back(RunMix(one.mix, settings.seconds, settings.bounds, static_cast<std::uint64_t>(round) + 1));
    }
  }
  Print(all);
  const struct {
    const char* name;
    TeacherTimes times;
    Order order;
  } kinds[] = {{"overlap_constant_min", TeacherTimes::kConstant, Order::kOrdered},
               {"overlap_heavy_tail_min", TeacherTimes::kHeavyTail, Order::kOrdered},
               {"overlap_unordered_constant_min", TeacherTimes::kConstant, Order::kUnordered},
               {"overlap_unordered_heavy_tail_min", TeacherTimes::kHeavyTail, Order::kUnordered}};
  std::vector<Result> results;
  for (const auto& kind : kinds) {
    for (Result& result : Least(kind.name, all, kind.times, kind.order)) results.push_back(std::move(result));
  }
  Print(results);
  WriteJson(results, command, settings.json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  using namespace edl::bench;
  WakeOnTime();
  setenv("EDL_LOG_LEVEL", "err", 0);  // ejections stand in the table
  Settings settings;
  bool full = false;
  CLI::App app("Measures how well a student's steps and its teachers' work overlap.");
  app.option_defaults()->always_capture_default();
  CLI::Option* rounds = app.add_option("--rounds", settings.rounds, "Runs of each mix")->check(CLI::Range(1, 1000));
  CLI::Option* seconds =
      app.add_option("--seconds", settings.seconds, "Length of a run")->check(CLI::Range(0.05, 600.0));
  CLI::Option* teachers = app.add_option("--teachers", settings.teachers, "How many teachers; one set of mixes each")
                              ->check(CLI::Range(1, 1024))
                              ->delimiter(',');
  app.add_flag("--full", full, "1, 4, 16 and 64 teachers, 3 rounds of 8 s: some 25 minutes");
  app.add_option("--only", settings.only, "Only mixes whose name in the table holds this");
  app.add_option("--ahead", settings.bounds.max_batches_ahead, "The reader's max_batches_ahead");
  app.add_option("--hedge-budget", settings.bounds.hedge_budget, "The reader's hedge_budget");
  app.add_option("--window", settings.bounds.window, "The reader's window");
  app.add_option("--json", settings.json, "Also write the results there");
  CLI11_PARSE(app, argc, argv);
  if (full && rounds->count() == 0) settings.rounds = 3;
  if (full && seconds->count() == 0) settings.seconds = 8;
  if (full && teachers->count() == 0) settings.teachers = {1, 4, 16, 64};
  std::string command = "bench_overlap";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return Measure(settings, command);
}
