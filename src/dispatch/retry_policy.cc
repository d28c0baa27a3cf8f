// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/retry_policy.h"

#include "absl/strings/match.h"

namespace edl {
namespace {

constexpr char kPermanent[] = "no other teacher would take it";

// What the error says, before attempts are counted.
Verdict JudgeCode(const absl::Status& error) {
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
      return {/*retry=*/true, /*eject=*/true};
    case absl::StatusCode::kResourceExhausted:
      // gRPC says this of a message over either side's limit, too; that one will never pass.
      if (absl::StrContains(error.message(), "larger than max")) {
        return {false, false, false, "the message is too large: lower teacher_batch_rows or raise the server's limit"};
      }
      return {/*retry=*/true, /*eject=*/true};
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return {/*retry=*/true, /*eject=*/false, /*bad_reply=*/true};
    default:
      return {false, false, false, kPermanent};
  }
}

}  // namespace

Verdict Judge(const absl::Status& error, const TeacherRequest& request, int max_attempts) {
  Verdict verdict = JudgeCode(error);
  if (verdict.retry && verdict.bad_reply && request.bad_replies >= 1) {
    verdict.retry = false;
    verdict.reason = "a retry was answered no better";
  } else if (verdict.retry && request.attempts >= max_attempts) {
    verdict.retry = false;
    verdict.reason = "max_attempts is reached";
  }
  return verdict;
}

}  // namespace edl
