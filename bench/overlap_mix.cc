// SPDX-License-Identifier: Apache-2.0
#include "bench/overlap_mix.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edl/distill_reader.h"

namespace edl::bench {
namespace {

using std::chrono::milliseconds;

// The same batch without end.
std::unique_ptr<BatchSource> EndlessSource() {
  Tensor x = Tensor::FromVector<std::int64_t>({1, 1}, {1}).value();
  return FromBatches(
      [x = std::move(x)](std::int64_t) -> Generator<Fields> { return [x] { return std::optional<Fields>({x}); }; });
}

std::unique_ptr<DistillReader> Read(const OverlapMix& mix, const TimedFleet& fleet, const OverlapBounds& bounds) {
  ReaderOptions options;
  options.fields = {"x"};
  options.predictions = {"y"};
  options.ordered = mix.order == Order::kOrdered;
  options.max_batches_ahead = bounds.max_batches_ahead;
  options.hedge_budget = bounds.hedge_budget;
  options.window = bounds.window;
  return DistillReader::Create(EndlessSource(), FixedTeachers(fleet.endpoints()), std::move(options)).value();
}

struct Steps {
  std::int64_t count = 0;
  Clock::duration slept{0};
};

// A student that trains until `end`.
Steps Train(DistillReader& reader, Clock::duration step, Clock::time_point end) {
  Steps steps;
  for (Clock::time_point now = Clock::now(); now < end;) {
    if (auto batch = reader.Next(); !batch.ok()) {
      std::fprintf(stderr, "bench_overlap: %s\n", batch.status().ToString().c_str());
      std::abort();
    }
    const Clock::time_point start = Clock::now();
    SleepUntil(start + step);
    now = Clock::now();
    steps.slept += now - start;
    ++steps.count;
  }
  return steps;
}

}  // namespace

std::string OverlapMix::ToString() const {
  static constexpr const char* kBalances[] = {"teacher-bound", "balanced", "student-bound"};
  return absl::StrCat(teachers, teachers == 1 ? " teacher" : " teachers", ", ",
                      times == TeacherTimes::kConstant ? "constant" : "heavy tail", ", ",
                      kBalances[static_cast<int>(balance)], ", ", order == Order::kOrdered ? "ordered" : "unordered");
}

Clock::duration OverlapMix::teacher_time() const {
  constexpr int kBatchesPerSecond = 400;
  return std::max<Clock::duration>(milliseconds(20), milliseconds(1000) * teachers / kBatchesPerSecond);
}

Clock::duration OverlapMix::step() const {
  const Clock::duration share = teacher_time() / teachers;
  if (balance == Balance::kBalanced) return share;
  return balance == Balance::kTeacherBound ? share / 2 : share * 2;
}

std::vector<OverlapMix> AllMixes(const std::vector<int>& teachers) {
  std::vector<OverlapMix> mixes;
  for (Order order : {Order::kOrdered, Order::kUnordered}) {
    for (TeacherTimes times : {TeacherTimes::kConstant, TeacherTimes::kHeavyTail}) {
      for (int count : teachers) {
        for (Balance balance : {Balance::kTeacherBound, Balance::kBalanced, Balance::kStudentBound}) {
          mixes.push_back({count, times, balance, order});
        }
      }
    }
  }
  return mixes;
}

OverlapRun RunMix(const OverlapMix& mix, double seconds, const OverlapBounds& bounds, std::uint64_t seed) {
  const TimedFleet fleet(mix.teachers, mix.times, mix.teacher_time(), seed);
  const auto reader = Read(mix, fleet, bounds);
  // Long enough to connect, to fill what lies between the two sides, and for a first long request to have held up the
  // order once: what has then been answered behind it is the student's reserve.
  Train(*reader, mix.step(), Clock::now() + milliseconds(200) + 25 * mix.teacher_time());

  const FleetWork before = fleet.work();
  const std::int64_t answered_before = reader->Stats().dispatch.out;
  const Clock::time_point start = Clock::now();
  const Steps steps = Train(*reader, mix.step(), start + FromSeconds(seconds));
  const double wall = Seconds(Clock::now() - start);
  const ReaderStats stats = reader->Stats();
  const FleetWork after = fleet.work();

  OverlapRun run;
  const auto stepped = static_cast<double>(steps.count);
  const auto answered = static_cast<double>(stats.dispatch.out - answered_before);
  run.student_rate = stepped / Seconds(steps.slept);
  run.teacher_rate = mix.teachers * static_cast<double>(after.requests - before.requests) /
                     std::max(Seconds(after.taken - before.taken), 1e-9);
  run.delivered = stepped / wall;
  run.hedged = static_cast<double>(stats.hedged) / static_cast<double>(std::max<std::int64_t>(stats.dispatch.out, 1));
  for (const LaneStats& lane : stats.lanes) run.ejections += static_cast<double>(lane.ejections);
  run.share =
      run.student_rate < run.teacher_rate ? run.delivered / run.student_rate : answered / wall / run.teacher_rate;
  return run;
}

}  // namespace edl::bench
