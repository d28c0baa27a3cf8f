// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/retry_policy.h"

#include "absl/strings/match.h"

namespace edl {
namespace {

Verdict GiveUp(Verdict::Lane lane, const char* reason) {
  return {/*retry=*/false, lane, reason};
}

Verdict JudgeBadReply(const RequestHistory& history) {
  if (history.bad_replies >= 1 && history.good_witnesses >= 2) {
    return GiveUp(Verdict::Lane::kSuspect, "a second teacher, which answers others well, answered it no better");
  }
  const bool others_hoped_for = history.others_may_come && history.good_witnesses == 0;
  if (history.bad_replies >= 1 && !history.others_left && !others_hoped_for) {
    return GiveUp(Verdict::Lane::kSuspect, "a retry was answered no better");
  }
  return {/*retry=*/true, Verdict::Lane::kSuspect};
}

// A teacher that would not take it, ever. It may be one that serves another model by now, or means harm: its word alone
// ends no training.
Verdict JudgeRefusal(const RequestHistory& history, const char* reason) {
  const bool two_agree = history.bad_replies >= 1 && history.good_witnesses >= 2;
  const bool others_hoped_for = history.others_may_come && history.good_witnesses == 0;
  if (!two_agree && (history.others_left || others_hoped_for)) return {/*retry=*/true, Verdict::Lane::kSuspect};
  return GiveUp(Verdict::Lane::kKeep, reason);
}

// What the error says, before attempts are counted.
Verdict JudgeCode(const absl::Status& error, const RequestHistory& history) {
  switch (error.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    // The teacher is well, but not for us: another may be.
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return {/*retry=*/true, Verdict::Lane::kEject};
    case absl::StatusCode::kResourceExhausted:
      // gRPC says this of a message over either side's limit, too; that one will never pass.
      if (absl::StrContains(error.message(), "larger than max")) {
        return JudgeRefusal(history, "the message is too large: lower teacher_batch_rows or raise the server's limit");
      }
      return {/*retry=*/true, Verdict::Lane::kRest};
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return JudgeBadReply(history);
    default:
      // The splitter has held the rows against the model.
      return JudgeRefusal(history, "no other teacher would take it");
  }
}

}  // namespace

Verdict Judge(const absl::Status& error, const RequestHistory& history) {
  Verdict verdict = JudgeCode(error, history);
  // A teacher that is overloaded has not tried: the request waits for a place, however long that takes.
  verdict.counts = verdict.lane != Verdict::Lane::kRest;
  if (verdict.retry && verdict.counts && history.attempts >= history.max_attempts) {
    verdict.retry = false;
    verdict.reason = "max_attempts is reached";
  }
  return verdict;
}

}  // namespace edl
