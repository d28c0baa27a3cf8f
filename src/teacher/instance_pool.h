// SPDX-License-Identifier: Apache-2.0
// InstancePool: the threads that compute, and the queue of jobs before them.
// Place: accepted requests are submitted here by gRPC's threads; each runs on one of the instance threads, in order.
// Rule: a submitted job gets exactly one call: Run, Abandon, or none because Remove took it back.
// Bounds: the queue grows no longer than the RequestGate before it admits.
// Thread-safety: any thread; Run is called on an instance thread, Abandon on the thread that calls Close.
// Lifetime: the pool does not own jobs; a job lives until its one call ends.
#pragma once

#include <deque>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/thread.h"

namespace edl {

class InstanceJob {
 public:
  virtual void Run() = 0;
  virtual void Abandon() = 0;

 protected:
  ~InstanceJob() = default;
};

class InstancePool {
 public:
  explicit InstancePool(int instances);
  ~InstancePool();  // Close, then waits for the jobs that run.

  // False when the pool is closed: the job gets no call.
  bool Submit(InstanceJob* job);

  // True when the job was still waiting and now gets no call.
  bool Remove(InstanceJob* job);

  // Abandons the waiting jobs and takes no more; those that run go on.
  void Close();

 private:
  void Work();

  Mutex mu_;
  CondVar changed_;
  std::deque<InstanceJob*> waiting_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Thread> threads_;  // last: they start when the rest stands
};

}  // namespace edl
