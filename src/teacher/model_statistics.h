// SPDX-License-Identifier: Apache-2.0
// ModelStatistics: where the requests' time went in this server, since its start.
// Place: calls count themselves here; ModelStatistics of the protocol and /metrics give it to others.
// Units: nanoseconds of the steady clock.
// Thread-safety: any thread.
// Bounds: the first kMostBatchSizes sizes of a run are kept apart; runs of others are in the sums alone.
// Source: the protocol's statistics extension, as Triton has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "src/base/executor.h"
#include "src/base/mutex.h"
#include "src/teacher/latency_histogram.h"

namespace edl {

// What one run of the model takes; or a request's part in it, which is the whole run.
struct ComputeTimes {
  std::chrono::nanoseconds input{0};   // to have the inputs in one piece
  std::chrono::nanoseconds infer{0};   // the model
  std::chrono::nanoseconds output{0};  // to write the outputs as they are wanted
};

struct RequestTimes {
  TimePoint arrived;
  std::chrono::nanoseconds queue{0};
  ComputeTimes compute;  // its input also has the decoding before the queue
};

class ModelStatistics {
 public:
  static constexpr std::size_t kMostBatchSizes = 64;

  struct Duration {
    std::int64_t count = 0;
    std::chrono::nanoseconds time{0};  // of all

    void Add(std::chrono::nanoseconds one) {
      ++count;
      time += one;
    }
  };
  struct Compute {
    Duration input, infer, output;

    void Add(const ComputeTimes& one);
  };
  struct Values {
    std::chrono::system_clock::time_point last_inference;  // 1970: none
    std::int64_t rows = 0;                                 // of requests that succeeded
    std::int64_t runs = 0;                                 // of the model, that succeeded
    Duration success, fail;                                // arrival to answer
    Duration queue;                                        // of those that succeeded, like what follows
    Compute compute;
    Compute all_runs;                         // once a run, not once a request
    std::map<std::int64_t, Compute> batches;  // of runs, by their rows
    LatencyHistogram latency;                 // of success
    LatencyHistogram recent_latency;          // of the last thousand or so
  };

  // One that succeeded.
  void CountRun(std::int64_t rows, const ComputeTimes& times);
  // Answered now.
  void CountSuccess(std::int64_t rows, const RequestTimes& times);
  // By the model, or the check of its outputs.
  void CountFailure(const RequestTimes& times);

  Values Get() const;

 private:
  mutable Mutex mu_;
  Values values_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl
