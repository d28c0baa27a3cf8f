// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/pending_queue.h"

#include <algorithm>

namespace edl {

void PendingQueue::Push(TeacherRequest& request) {
  request.HandOver();
  fresh_.push(&request);
  fresh_count_.fetch_add(1, std::memory_order_seq_cst);
}

void PendingQueue::PushRetry(TeacherRequest& request) {
  MutexLock lock(mu_);
  retries_.push_back(&request);
  retry_count_.fetch_add(1, std::memory_order_seq_cst);
}

void PendingQueue::Hold(TeacherRequest& request) {
  MutexLock lock(mu_);
  held_.push_back(&request);
  held_count_.fetch_add(1, std::memory_order_seq_cst);
}

bool PendingQueue::Release() {
  MutexLock lock(mu_);
  if (held_.empty()) return false;
  retries_.push_back(held_.front());
  held_.pop_front();
  held_count_.fetch_sub(1, std::memory_order_seq_cst);
  retry_count_.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

TeacherRequest* PendingQueue::TakeFresh() {
  std::int64_t count = fresh_count_.load(std::memory_order_seq_cst);
  do {
    if (count == 0) return nullptr;
  } while (!fresh_count_.compare_exchange_weak(count, count - 1, std::memory_order_seq_cst));
  TeacherRequest* request = fresh_.pop();
  request->HandOver();
  return request;
}

bool PendingQueue::KeepsAway(const TeacherRequest& retry, const Lane& lane) const {
  if (retry.SpoiledBy(lane.id())) {
    // Worth waiting for one that rests: this lane's answer would most likely be the same again.
    return lanes_.Any([&](const Lane& other) { return other.usable() && !retry.SpoiledBy(other.id()); });
  }
  return retry.avoid == lane.id() && lanes_.Any([&](const Lane& other) {
    return other.ready() && &other != &lane && !retry.SpoiledBy(other.id());
  });
}

std::deque<TeacherRequest*>::iterator PendingQueue::FindRetryFor(const Lane& lane) {
  return std::find_if(retries_.begin(), retries_.end(),
                      [&](const TeacherRequest* retry) { return !KeepsAway(*retry, lane); });
}

TeacherRequest* PendingQueue::Take(const Lane& lane) {
  if (retry_count_.load(std::memory_order_seq_cst) > 0) {
    MutexLock lock(mu_);
    auto retry = FindRetryFor(lane);
    if (retry != retries_.end()) {
      TeacherRequest* request = *retry;
      retries_.erase(retry);
      retry_count_.fetch_sub(1, std::memory_order_seq_cst);
      return request;
    }
  }
  return TakeFresh();
}

bool PendingQueue::HasWorkFor(const Lane& lane) {
  if (fresh_count_.load(std::memory_order_seq_cst) > 0) return true;
  if (retry_count_.load(std::memory_order_seq_cst) == 0) return false;
  MutexLock lock(mu_);
  return FindRetryFor(lane) != retries_.end();
}

std::vector<TeacherRequest*> PendingQueue::TakeAll() {
  std::vector<TeacherRequest*> all;
  {
    MutexLock lock(mu_);
    all.assign(retries_.begin(), retries_.end());
    retries_.clear();
    retry_count_.fetch_sub(static_cast<std::int64_t>(all.size()), std::memory_order_seq_cst);
    all.insert(all.end(), held_.begin(), held_.end());
    held_.clear();
    held_count_.store(0, std::memory_order_seq_cst);
  }
  while (TeacherRequest* request = TakeFresh()) all.push_back(request);
  return all;
}

}  // namespace edl
