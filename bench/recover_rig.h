// SPDX-License-Identifier: Apache-2.0
// RecoverRig: a reader at half load over three teachers, of which one is the victim; it sees when each batch comes to
// the other two, and when it comes out.
// Shapes: a batch is one row, x INT64 [1, 1]: its place in the source; so is its soft label.
// Thread-safety: one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/testing/teacher_process.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/teacher/server.h"

namespace edl::bench {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kCompute{8};  // of a request, at each teacher
constexpr std::chrono::milliseconds kPace{2};     // of the source

// A teacher in this process; `on_request` hears the place of each batch that comes to it. Empty: nobody does.
std::unique_ptr<TeacherServer> Serve(const std::string& listen, std::function<void(std::int64_t)> on_request);

// When each batch first came to one of the teachers that note it here.
class Arrivals {
 public:
  void Note(std::int64_t batch);
  std::optional<Clock::time_point> Of(std::int64_t batch) const;
  std::int64_t size() const;  // one more than the last that came

 private:
  mutable Mutex mu_;
  std::vector<Clock::time_point> times_ ABSL_GUARDED_BY(mu_);
};

class RecoverRig {
 public:
  // `watch` gives where the teachers come from, from the endpoints of the two that stay.
  RecoverRig(const std::function<std::unique_ptr<TeacherWatcher>(const std::vector<std::string>&)>& watch,
             std::chrono::milliseconds attempt_timeout);
  ~RecoverRig();

  LaneStats lane(const std::string& endpoint) const;
  void Await(const std::function<bool()>& condition) const;
  // Until it is ready, has answered and has a request in flight.
  void AwaitBusy(const std::string& endpoint) const;

  // Batches that came neither out nor to one of the two that stay, though later ones did: the victim has them.
  std::vector<std::int64_t> AtTheVictim() const;
  // When the last of them came to another teacher; nothing when all were answered by the victim after all. Waits until
  // they are out.
  std::optional<Clock::time_point> AwaitElsewhere(const std::vector<std::int64_t>& batches) const;

  std::int64_t delivered() const { return delivered_.load(); }
  // The longest that Next() has taken since the last call.
  Clock::duration TakeLongestGap();

 private:
  void Read();

  Arrivals arrivals_;
  std::vector<std::unique_ptr<TeacherServer>> stay_;
  std::atomic<std::int64_t> delivered_{0};
  Mutex mu_;
  Clock::duration longest_gap_ ABSL_GUARDED_BY(mu_){0};
  std::unique_ptr<DistillReader> reader_;
  Thread student_;  // last: starts when the rest stands
};

}  // namespace edl::bench
