// SPDX-License-Identifier: Apache-2.0
// LaneKeeper: opens, probes, admits, ejects, readmits, closes and forgets lanes.
// Place: follows the teacher sets that the watcher tells; tells the dispatcher which lanes may be used.
// Rules: a lane is used only after a probe (ModelMetadata, ModelReady) found the model that the reader is bound to; one
//        that fails is probed again, for as long as it is a teacher of ours, after 100 to 250 ms, so that a teacher
//        that comes back is used within a second. One that passes its probes and fails all the same is let in less and
//        less often. Even the last lane is ejected (docs/decisions/ejection.md). One whose answer no waiting will
//        change (another model, no such method, no permission) is refused, and asked again once a second.
//        One that has been closed for a while loses its connection, and its lane goes to the next new endpoint.
// Errors, to Listener::OnHopeless: what a teacher refuses with, when none is left that might serve; UNAVAILABLE - the
//         student has waited for ReaderOptions::no_teacher_timeout while there was none.
// Thread-safety: Start, SetTeachers, Eject, Rest, Shutdown: any thread. All else happens on the executor's one thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "edl/options.h"
#include "edl/teachers.h"
#include "src/base/call_count.h"
#include "src/base/executor.h"
#include "src/dispatch/lane_table.h"
#include "src/dispatch/model_binding.h"

namespace edl {

using TeacherClientFactory = std::function<std::unique_ptr<TeacherClient>(const std::string& endpoint)>;

class LaneKeeper {
 public:
  // Called on the executor's thread.
  class Listener {
   public:
    virtual void OnBound(std::shared_ptr<const ModelBinding> binding) = 0;  // once, before the first OnReady
    virtual void OnReady(Lane& lane) = 0;
    virtual void OnLanesChanged() = 0;  // one was ejected or closed: its retries may now go elsewhere
    virtual void OnHopeless(const absl::Status& why) = 0;
    // Since when the student waits for what a teacher has to answer; nothing while it does not.
    virtual std::optional<TimePoint> StudentWaitsSince() const = 0;

   protected:
    ~Listener() = default;
  };

  // All that is referred to outlives the executor's last task and the last probe, which `calls` counts.
  LaneKeeper(const ReaderOptions& options, Executor& executor, TeacherClientFactory connect, LaneTable& lanes,
             std::shared_ptr<CallCount> calls, Listener& listener);

  // Once, when the listener stands: until a teacher can be used, there is none.
  void Start();

  void SetTeachers(const TeacherSet& set);

  // Takes a lane that failed out of rotation; does nothing if it is out already. It gets nothing for `rest` at least.
  void Eject(Lane& lane, const absl::Status& why, std::chrono::milliseconds rest = {});

  // Spares a lane whose teacher is overloaded: it gets nothing for `rest`, or, if the teacher did not say how long, for
  // a while that doubles while it completes nothing. It needs no probe afterwards.
  void Rest(Lane& lane, const absl::Status& why, std::optional<std::chrono::milliseconds> rest);

  // Cancels the probes and starts no more; nor is anything said of teachers that nobody waits for.
  void Shutdown();

 private:
  // What the keeper knows of a lane.
  struct Care {
    std::int64_t opening = 0;  // counts how often it was opened, in all its lives: what belongs to another is dropped
    TimePoint closed_since;    // if it is
    std::chrono::milliseconds backoff{0};
    bool probing = false;
    std::optional<absl::Status> last_failure;  // since it was opened or last ready
    std::optional<TimePoint> missing_since;    // its model, or its trust, as all of its last probes were answered
    int relapses = 0;                          // out of rotation so often, and nothing completed between
    std::int64_t completed = 0;                // by the lane, when it last went out of rotation
    TimePoint rest_until = TimePoint::min();   // it gets nothing before
  };

  void FollowSet(const TeacherSet& set);
  bool Open(const std::string& endpoint);
  Lane* NewLane(const std::string& endpoint);
  void NoteLeftOut();
  void LookForRoom();
  void Close(Lane& lane);
  void ForgetLater(Lane& lane);
  bool Forget(Lane& lane);
  void ForgetLongestClosed();
  void Probe(Lane& lane);
  void ProbeLater(Lane& lane, std::chrono::milliseconds wait);
  void OnProbed(Lane& lane, std::int64_t opening, absl::StatusOr<ModelInfo> info);
  absl::Status CheckModel(const ModelInfo& info);
  void Admit(Lane& lane);
  void Refuse(Lane& lane, const absl::Status& why);
  void ProbeAfterFailure(Lane& lane, const absl::Status& why);
  void NoteFailure(Lane& lane, const absl::Status& why);
  std::chrono::milliseconds WaitAfterRelapse(Lane& lane);
  std::chrono::milliseconds Jittered(std::chrono::milliseconds wait);
  void RestUntil(Lane& lane, TimePoint until);
  void ResumeWhenRested(Lane& lane);
  void LookForHopelessness();
  void NoteReadiness();
  void OnOutageDeadline(std::int64_t outage);
  void WarnOfOutage(std::int64_t outage);
  // Is this outage still that of the moment, and does anybody care?
  bool StillOut(std::int64_t outage) const;
  bool AnyUsable() const;
  std::string DescribeTeachers() const;

  const ReaderOptions& options_;
  Executor& executor_;
  const TeacherClientFactory connect_;
  LaneTable& lanes_;
  const std::shared_ptr<CallCount> calls_;
  Listener& listener_;

  // Written by Shutdown; read by whoever starts a probe, after starting it: one of the two cancels it.
  std::atomic<bool> shut_down_{false};

  // The executor's thread only.
  std::map<std::string, Lane*> by_endpoint_;
  std::map<const Lane*, Care> care_;
  std::vector<Lane*> vacant_;       // none of by_endpoint_
  std::set<std::string> left_out_;  // listed, and there was no lane for them
  bool looks_for_room_ = false;     // a task will look again
  bool said_full_ = false;          // since there was last a lane for all of them
  std::shared_ptr<const ModelBinding> binding_;
  std::int64_t outages_ = 0;
  std::optional<TimePoint> outage_since_;
  std::minstd_rand jitter_;
};

}  // namespace edl
