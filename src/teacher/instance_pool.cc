// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/instance_pool.h"

#include <algorithm>
#include <string>

namespace edl {

InstancePool::InstancePool(int instances) {
  threads_.reserve(instances);
  for (int i = 0; i < instances; ++i) threads_.emplace_back("edl-instance-" + std::to_string(i), [this] { Work(); });
}

InstancePool::~InstancePool() {
  Close();
  for (Thread& thread : threads_) thread.Join();
}

bool InstancePool::Submit(InstanceJob* job) {
  MutexLock lock(mu_);
  if (closed_) return false;
  waiting_.push_back(job);
  changed_.NotifyOne();
  return true;
}

bool InstancePool::Remove(InstanceJob* job) {
  MutexLock lock(mu_);
  auto found = std::find(waiting_.begin(), waiting_.end(), job);
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void InstancePool::Close() {
  std::deque<InstanceJob*> abandoned;
  {
    MutexLock lock(mu_);
    closed_ = true;
    abandoned.swap(waiting_);
    changed_.NotifyAll();
  }
  for (InstanceJob* job : abandoned) job->Abandon();
}

void InstancePool::Work() {
  for (;;) {
    InstanceJob* job;
    {
      MutexLock lock(mu_);
      while (waiting_.empty() && !closed_) changed_.Wait(mu_);
      if (waiting_.empty()) return;
      job = waiting_.front();
      waiting_.pop_front();
    }
    job->Run();
  }
}

}  // namespace edl
