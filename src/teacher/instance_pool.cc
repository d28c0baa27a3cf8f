// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/instance_pool.h"

#include <algorithm>
#include <string>

namespace edl {

InstancePool::InstancePool(int instances, std::optional<JoiningRules> joining, std::chrono::milliseconds max_wait)
    : joining_(joining), max_wait_(max_wait), answering_("edl-answers", [this] { SendAnswers(); }) {
  threads_.reserve(static_cast<std::size_t>(instances));
  for (int i = 0; i < instances; ++i) threads_.emplace_back("edl-instance-" + std::to_string(i), [this] { Work(); });
}

InstancePool::~InstancePool() {
  Close();
  for (Thread& thread : threads_) thread.Join();
  MutexLock lock(mu_);
  all_computed_ = true;
  computed_changed_.NotifyOne();
}  // joins the answering thread

bool InstancePool::Submit(InstanceJob* job) {
  MutexLock lock(mu_);
  if (closed_) return false;
  waiting_.push_back({job, std::chrono::steady_clock::now()});
  // With joining, an instance may wait for work, and another for more work: either may be the one that is meant.
  if (joining_) {
    changed_.NotifyAll();
  } else {
    changed_.NotifyOne();
  }
  return true;
}

bool InstancePool::Remove(InstanceJob* job) {
  MutexLock lock(mu_);
  auto found = std::find_if(waiting_.begin(), waiting_.end(), [job](const Waiting& one) { return one.job == job; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

std::int64_t InstancePool::waiting() const {
  MutexLock lock(mu_);
  return static_cast<std::int64_t>(waiting_.size());
}

void InstancePool::Close() {
  std::deque<Waiting> abandoned;
  {
    MutexLock lock(mu_);
    closed_ = true;
    abandoned.swap(waiting_);
    changed_.NotifyAll();
  }
  for (const Waiting& one : abandoned) one.job->Abandon();
}

void InstancePool::Work() {
  for (;;) {
    std::vector<InstanceJob*> jobs;
    {
      MutexLock lock(mu_);
      while ((waiting_.empty() || gathering_) && !closed_) changed_.Wait(mu_);
      if (closed_ && waiting_.empty()) return;
      jobs = Take();
    }
    if (jobs.empty()) continue;  // taken back meanwhile
    if (jobs.size() == 1) {
      jobs[0]->Run();
    } else {
      jobs[0]->RunWith({jobs.begin() + 1, jobs.end()});
    }
    AnswerAll(jobs);
  }
}

void InstancePool::AnswerAll(const std::vector<InstanceJob*>& jobs) {
  {
    MutexLock lock(mu_);
    if (!waiting_.empty()) {
      computed_.insert(computed_.end(), jobs.begin(), jobs.end());
      computed_changed_.NotifyOne();
      return;
    }
  }
  for (InstanceJob* job : jobs) job->Answer();
}

void InstancePool::SendAnswers() {
  for (;;) {
    std::vector<InstanceJob*> jobs, expired;
    {
      MutexLock lock(mu_);
      for (;;) {
        expired = TakeExpired();
        if (!computed_.empty() || !expired.empty() || all_computed_) break;
        // It looks now and then, so that whoever submits need not wake it to set a time.
        if (max_wait_.count() == 0) {
          computed_changed_.Wait(mu_);
        } else {
          const auto look = std::max(max_wait_ / 4, std::chrono::milliseconds(1));
          computed_changed_.WaitUntil(mu_, std::chrono::steady_clock::now() + look);
        }
      }
      if (computed_.empty() && expired.empty()) return;
      jobs.swap(computed_);
    }
    for (InstanceJob* job : expired) job->Expire();
    for (InstanceJob* job : jobs) job->Answer();
  }
}

std::vector<InstanceJob*> InstancePool::TakeExpired() {
  std::vector<InstanceJob*> expired;
  if (max_wait_.count() == 0) return expired;
  const auto begun_before = std::chrono::steady_clock::now() - max_wait_;
  for (; !waiting_.empty() && waiting_.front().since < begun_before; waiting_.pop_front()) {
    expired.push_back(waiting_.front().job);
  }
  return expired;
}

std::vector<InstanceJob*> InstancePool::Take() {
  if (joining_) AwaitOthers();
  std::vector<InstanceJob*> jobs;
  for (std::size_t left = JointCount(); left > 0; --left) {
    jobs.push_back(waiting_.front().job);
    waiting_.pop_front();
  }
  return jobs;
}

void InstancePool::AwaitOthers() {
  gathering_ = true;
  while (!closed_ && !waiting_.empty() && !IsFull(JointCount())) {
    const auto deadline = waiting_.front().since + joining_->max_delay;
    if (std::chrono::steady_clock::now() >= deadline) break;
    changed_.WaitUntil(mu_, deadline);
  }
  gathering_ = false;
  changed_.NotifyAll();  // another instance may gather what is left
}

std::size_t InstancePool::JointCount() const {
  if (waiting_.empty()) return 0;
  const InstanceJob& first = *waiting_.front().job;
  std::int64_t rows = first.rows();
  std::size_t count = 1;
  if (!joining_ || rows == 0) return count;
  for (; count < waiting_.size(); ++count) {
    const InstanceJob& next = *waiting_[count].job;
    if (next.rows() == 0 || !first.Joins(next) || next.rows() > joining_->max_rows - rows) break;
    rows += next.rows();
  }
  return count;
}

bool InstancePool::IsFull(std::size_t count) const {
  if (count < waiting_.size() || waiting_.front().job->rows() == 0) return true;
  std::int64_t rows = 0;
  for (const Waiting& one : waiting_) rows += one.job->rows();
  return rows >= joining_->max_rows;
}

}  // namespace edl
