// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/request_gate.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "src/rpc/pushback.h"

namespace edl {
namespace {

// Of answers that are not sent yet; each holds little.
constexpr std::int64_t kAnswersPerRequest = 4, kLeastAnswers = 64;

}  // namespace

RequestGate::Places::Places(std::int64_t capacity, double client_share)
    : capacity(capacity),
      most_of_one(std::max<std::int64_t>(
          1, static_cast<std::int64_t>(std::ceil(static_cast<double>(capacity) * client_share)))) {}

std::int64_t RequestGate::Places::Of(const std::string& client) const {
  auto found = clients.find(client);
  return found == clients.end() ? 0 : found->second;
}

void RequestGate::Places::Take(const std::string& client) {
  ++taken;
  ++clients[client];
}

void RequestGate::Places::Free(const std::string& client) {
  --taken;
  auto of_client = clients.find(client);
  if (--of_client->second == 0) clients.erase(of_client);
}

RequestGate::RequestGate(std::int64_t capacity, double client_share)
    : asked_(capacity, client_share), answered_(std::max(kAnswersPerRequest * capacity, kLeastAnswers), client_share) {}

absl::Status RequestGate::Enter(const std::string& client) {
  MutexLock lock(mu_);
  last_entry_ = std::chrono::steady_clock::now();
  if (!open_) return absl::UnavailableError("this teacher is shutting down; ask another one");
  if (asked_.full()) {
    return Refuse(
        absl::StrCat("this teacher has ", asked_.taken, " unanswered requests, as many as it accepts; ask later"));
  }
  if (asked_.HasShare(client)) {
    return Refuse(absl::StrCat("this teacher has ", asked_.Of(client), " unanswered requests of yours, of ",
                               asked_.taken, ", as many as it accepts of one client; ask later"));
  }
  if (answered_.full() || answered_.HasShare(client)) {
    return Refuse(absl::StrCat("this teacher has ", answered_.taken, " answers that are not sent yet, ",
                               answered_.Of(client), " of them to you: take them, and ask later"));
  }
  if (asked_.taken == 0) last_answer_ = last_entry_;
  asked_.Take(client);
  return absl::OkStatus();
}

absl::Status RequestGate::Refuse(const std::string& why) {
  return WithPushback(absl::ResourceExhaustedError(why), absl::StrCat(HalfTime().count()));
}

void RequestGate::Answer(const std::string& client) {
  constexpr int kAveraged = 16;  // answers, or so
  const TimePoint now = std::chrono::steady_clock::now();
  MutexLock lock(mu_);
  answer_gap_ += (now - last_answer_ - answer_gap_) / kAveraged;
  last_answer_ = now;
  asked_.Free(client);
  answered_.Take(client);
}

void RequestGate::Leave(const std::string& client) {
  MutexLock lock(mu_);
  answered_.Free(client);
  if (Inside() == 0) empty_.NotifyAll();
}

std::chrono::milliseconds RequestGate::RetryAfter() const {
  MutexLock lock(mu_);
  return HalfTime();
}

// Neither at once nor so late that a teacher which was busy for a moment stands idle.
std::chrono::milliseconds RequestGate::HalfTime() const {
  constexpr std::chrono::milliseconds kLeast{20}, kMost{5'000};
  return std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(asked_.taken / 2 * answer_gap_), kLeast,
                    kMost);
}

void RequestGate::Close() {
  MutexLock lock(mu_);
  open_ = false;
}

bool RequestGate::open() const {
  MutexLock lock(mu_);
  return open_;
}

std::int64_t RequestGate::inside() const {
  MutexLock lock(mu_);
  return Inside();
}

void RequestGate::WaitUntilQuiet(std::chrono::milliseconds quiet, TimePoint deadline) {
  const TimePoint begin = std::chrono::steady_clock::now();
  MutexLock lock(mu_);
  while (true) {
    const TimePoint until = std::min(std::max(last_entry_, begin) + quiet, deadline);
    if (std::chrono::steady_clock::now() >= until) return;
    empty_.WaitUntil(mu_, until);
  }
}

std::int64_t RequestGate::WaitUntilEmpty(TimePoint deadline) {
  MutexLock lock(mu_);
  while (Inside() > 0 && std::chrono::steady_clock::now() < deadline) empty_.WaitUntil(mu_, deadline);
  return Inside();
}

}  // namespace edl
