// SPDX-License-Identifier: Apache-2.0
// InstancePool: the threads that compute, and the queue of jobs before them.
// Place: accepted requests are submitted here by gRPC's threads; each runs on one of the instance threads, in order.
//        With dynamic batching, jobs that may be joined run together, by one call. Sending an answer takes gRPC and the
//        kernel as long as many a computation: while jobs wait, an instance leaves it to a thread of its own.
// Rule: a submitted job gets exactly one of: Run, or RunWith as the first or as one of the others, and then Answer;
//       Expire, when it has waited too long; Abandon; or nothing, because Remove took it back.
// Bounds: the queue grows no longer than the RequestGate before it admits.
// Thread-safety: any thread; Run is called on an instance thread, Answer there or on the answering thread, Expire on
//                that one, Abandon on the thread that calls Close.
// Lifetime: the pool does not own jobs; a job lives until Answer, Expire or Abandon ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/thread.h"

namespace edl {

class InstanceJob {
 public:
  virtual void Run() = 0;
  // What it has computed goes to whoever waits for it.
  virtual void Answer() = 0;
  virtual void Abandon() = 0;
  virtual void Expire() { Abandon(); }

  // How much it is, for the bound of a joint run; 0: it always runs alone. All jobs that are not 0 are of one class.
  virtual std::int64_t rows() const { return 0; }
  // May that one, of the same class, be run together with it?
  virtual bool Joins(const InstanceJob&) const { return false; }
  // Runs it together with those, all of which it joins.
  virtual void RunWith(const std::vector<InstanceJob*>&) { Run(); }

 protected:
  ~InstanceJob() = default;
};

// How jobs are joined: up to so many rows; and the first of them waits at most so long for others.
struct JoiningRules {
  std::int64_t max_rows = 0;
  std::chrono::microseconds max_delay{0};  // 0: those are joined that wait anyway
};

class InstancePool {
 public:
  // Without rules each job runs alone. A job that has waited for `max_wait`, or up to a quarter longer, expires;
  // 0: none does.
  explicit InstancePool(int instances, std::optional<JoiningRules> joining = std::nullopt,
                        std::chrono::milliseconds max_wait = {});
  ~InstancePool();  // Close, then waits for the jobs that run, and for their answers.

  // False when the pool is closed: the job gets no call.
  bool Submit(InstanceJob* job);

  // True when the job was still waiting and now gets no call.
  bool Remove(InstanceJob* job);

  // Jobs that nobody has begun.
  std::int64_t waiting() const;

  // Abandons the waiting jobs and takes no more; those that run go on.
  void Close();

 private:
  struct Waiting {
    InstanceJob* job;
    std::chrono::steady_clock::time_point since;
  };

  void Work();
  void AnswerAll(const std::vector<InstanceJob*>& jobs);
  void SendAnswers();
  std::vector<InstanceJob*> TakeExpired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<InstanceJob*> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AwaitOthers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // How many of the first in the queue can run together.
  std::size_t JointCount() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Nothing can be added to them any more.
  bool IsFull(std::size_t count) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::optional<JoiningRules> joining_;
  const std::chrono::milliseconds max_wait_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  bool gathering_ ABSL_GUARDED_BY(mu_) = false;  // an instance waits for others to join the first in the queue
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  CondVar computed_changed_;
  std::vector<InstanceJob*> computed_ ABSL_GUARDED_BY(mu_);  // for the answering thread
  bool all_computed_ ABSL_GUARDED_BY(mu_) = false;           // the instance threads have ended
  // Last: they start when the rest stands.
  Thread answering_;
  std::vector<Thread> threads_;
};

}  // namespace edl
