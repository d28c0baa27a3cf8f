// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/flight.h"

#include <utility>

#include "src/dispatch/lane.h"

namespace edl {
namespace {

constexpr auto kSeqCst = std::memory_order_seq_cst;

void Take(Flight::Leg& leg, Lane& lane, int place, TimePoint now) {
  leg.lane = &lane;
  leg.life = lane.life();
  leg.place = place;
  leg.sent = now;
  leg.spoiled.store(false, kSeqCst);
}

}  // namespace

void Flight::Begin(TeacherRequest& request, Lane& lane, int place, TimePoint now) {
  while (holders_.load(kSeqCst) != kEmpty) {  // true at once: see holders_
  }
  inputs_ = std::move(request.inputs);
  first_row_ = request.first_row;
  rows_ = request.rows;
  trace_ = request.trace;
  cancellation_ = request.cancellation;
  Take(legs_[0], lane, place, now);
  legs_[1].spoiled.store(false, kSeqCst);
  raced_.store(false, kSeqCst);
  attempts_.store(1, kSeqCst);
  request_.store(&request, kSeqCst);
  holders_.store(1, kSeqCst);  // with it, the hedger sees the rest
}

bool Flight::AddAttempt(Lane& lane, int place, TimePoint now) {
  if (raced_.exchange(true, kSeqCst)) return false;
  Take(legs_[1], lane, place, now);
  int one = 1;
  if (!attempts_.compare_exchange_strong(one, 2, kSeqCst)) return false;
  Hold();
  return true;
}

TeacherRequest* Flight::LandWell() {
  return request_.exchange(nullptr, kSeqCst);
}

TeacherRequest* Flight::LandFailed(int leg) {
  if (attempts_.fetch_sub(1, kSeqCst) > 1) return nullptr;
  TeacherRequest* request = request_.exchange(nullptr, kSeqCst);
  if (request == nullptr) return nullptr;
  request->inputs = std::move(inputs_);
  if (const BadReply* bad = BadReplyOfOther(leg)) request->bad_replies.push_back(*bad);
  return request;
}

void Flight::Spoil(int leg, BadReply bad) {
  legs_[leg].bad = std::move(bad);
  legs_[leg].spoiled.store(true, kSeqCst);
}

const BadReply* Flight::BadReplyOfOther(int leg) const {
  const Leg& other = legs_[1 - leg];
  return other.spoiled.load(kSeqCst) ? &other.bad : nullptr;
}

Flight::Leg* Flight::Rival(int leg) {
  return attempts_.load(kSeqCst) > 1 ? &legs_[1 - leg] : nullptr;
}

bool Flight::TryHold() {
  int holders = holders_.load(kSeqCst);
  while (holders > 0) {
    if (holders_.compare_exchange_weak(holders, holders + 1, kSeqCst)) return true;
  }
  return false;
}

bool Flight::LetGo() {
  if (holders_.fetch_sub(1, kSeqCst) > 1) return false;
  inputs_.clear();
  cancellation_.reset();
  holders_.store(kEmpty, kSeqCst);
  return true;
}

}  // namespace edl
