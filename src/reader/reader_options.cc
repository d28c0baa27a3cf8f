// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edl/options.h"
#include "src/base/status.h"
#include "src/dispatch/lane.h"
#include "src/trace/trace_recorder.h"

namespace edl {
namespace {

constexpr int kMostChannels = 16;

absl::Status CheckNames(const char* field, const std::vector<std::string>& names) {
  if (names.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is empty; expected one name or more"));
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " holds an empty name"));
    if (!seen.insert(name).second) return absl::InvalidArgumentError(absl::StrCat(field, " holds '", name, "' twice"));
  }
  return absl::OkStatus();
}

absl::Status CheckRange(const char* field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, "; expected ", least, " to ", most));
}

absl::Status CheckShare(const char* field, double value) {
  if (value >= 0 && value <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, "; expected 0 to 1"));
}

// Beside the top k's own names come others, which must be free.
absl::Status CheckTopKNames(const ReaderOptions& options) {
  for (const auto& [prediction, how] : options.compression.predictions) {
    if (how.top_k == 0) continue;
    for (const std::string& name : {TopKIndexName(prediction), TopKRestName(prediction)}) {
      for (const auto* names : {&options.fields, &options.predictions}) {
        if (std::find(names->begin(), names->end(), name) == names->end()) continue;
        return absl::InvalidArgumentError(absl::StrCat("'", name,
                                                       "' is the name of a field or prediction, and of what ",
                                                       "comes with the top ", how.top_k, " of '", prediction, "'"));
      }
    }
  }
  return absl::OkStatus();
}

template <typename Hows>
absl::Status CheckCompression(const char* kind, const Hows& hows, const std::vector<std::string>& names) {
  for (const auto& [name, how] : hows) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("compression.", kind, " holds '", name, "', which is none of {",
                                                     absl::StrJoin(names, ", "), "}"));
    }
    if (absl::Status valid = how.Validate(); !valid.ok()) {
      return Annotate(valid, absl::StrCat("compression.", kind, "['", name, "']"));
    }
  }
  return absl::OkStatus();
}

template <typename Hows>
std::string CompressionToString(const Hows& hows) {
  if (hows.empty()) return "(none)";
  return absl::StrJoin(hows, ", ", [](std::string* out, const auto& one) {
    absl::StrAppend(out, one.first, ": ", one.second.ToString());
  });
}

}  // namespace

absl::Status ReaderOptions::Validate() const {
  constexpr std::int64_t kYear = std::int64_t{365} * 24 * 3600 * 1000;
  EDL_RETURN_IF_ERROR(CheckNames("fields", fields));
  EDL_RETURN_IF_ERROR(CheckNames("predictions", predictions));
  for (const std::string& name : predictions) {
    for (const std::string& field : fields) {
      if (name == field) {
        return absl::InvalidArgumentError(absl::StrCat("'", name, "' is a field and a prediction; names must differ"));
      }
    }
  }
  EDL_RETURN_IF_ERROR(CheckCompression("fields", compression.fields, fields));
  EDL_RETURN_IF_ERROR(CheckCompression("predictions", compression.predictions, predictions));
  EDL_RETURN_IF_ERROR(CheckTopKNames(*this));
  EDL_RETURN_IF_ERROR(CheckRange("num_epochs", num_epochs, 0, INT64_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("no_teacher_timeout (ms)", no_teacher_timeout.count(), 0, kYear));
  EDL_RETURN_IF_ERROR(CheckRange("trace_max_bytes", static_cast<std::int64_t>(trace_max_bytes),
                                 TraceRecorder::kFewestBytes, INT64_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("teacher_batch_rows", teacher_batch_rows, 1, INT32_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("window", window, 1, Lane::kMaxWindow));
  EDL_RETURN_IF_ERROR(CheckRange("channels", channels, 1, kMostChannels));
  EDL_RETURN_IF_ERROR(CheckRange("max_teachers", max_teachers, 0, INT32_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("max_batches_ahead", max_batches_ahead, 0, 65'536));
  if (max_bytes_ahead == 0 || max_bytes_ahead > static_cast<std::size_t>(INT64_MAX)) {
    return absl::InvalidArgumentError(absl::StrCat("max_bytes_ahead is ", max_bytes_ahead, "; expected 1 or more"));
  }
  EDL_RETURN_IF_ERROR(CheckRange("max_reply_bytes", static_cast<std::int64_t>(max_reply_bytes), 1, INT32_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("attempt_timeout (ms)", attempt_timeout.count(), 1, kYear));
  EDL_RETURN_IF_ERROR(CheckRange("max_attempts", max_attempts, 1, INT32_MAX));
  EDL_RETURN_IF_ERROR(CheckShare("hedge_budget", hedge_budget));
  EDL_RETURN_IF_ERROR(CheckShare("retry_budget", retry_budget));
  EDL_RETURN_IF_ERROR(CheckRange("max_group_age (ms)", max_group_age.count(), 0, kYear));
  return CheckRange("stats_log_interval (s)", stats_log_interval.count(), 0, kYear / 1000);
}

std::string ReaderOptions::ToString() const {
  std::string text;
  auto line = [&](const char* name, const auto& value) { absl::StrAppend(&text, name, " = ", value, "\n"); };
  auto limit = [](std::int64_t value, const char* zero) { return value == 0 ? zero : absl::StrCat(value); };
  line("fields", absl::StrJoin(fields, ","));
  line("predictions", absl::StrJoin(predictions, ","));
  line("model", model.empty() ? "(the server's only one)" : model);
  line("ordered", ordered ? "true" : "false");
  line("check_finite", check_finite ? "true" : "false");
  line("num_epochs", limit(num_epochs, "0 (as many as are read)"));
  line("no_teacher_timeout_ms", limit(no_teacher_timeout.count(), "0 (for ever)"));
  line("tls", tls ? tls->ToString() : "(as each endpoint says)");
  line("token_file", token_file.empty() ? "(none)" : token_file);
  if (allow_token_over_plain_tcp) line("allow_token_over_plain_tcp", "true");
  line("trace_file", trace_file.empty() ? "(none)" : trace_file);
  line("trace_max_bytes", trace_max_bytes);
  line("teacher_batch_rows", teacher_batch_rows);
  line("window", window);
  line("channels", channels);
  line("max_teachers", limit(max_teachers, "0 (all)"));
  line("max_batches_ahead", limit(max_batches_ahead, "0 (by the teachers' windows)"));
  line("max_bytes_ahead", max_bytes_ahead);
  line("max_reply_bytes", max_reply_bytes);
  line("shared_memory", shared_memory ? "true" : "false");
  line("arena", arena == nullptr ? "(none)" : absl::StrCat(arena->byte_size(), " bytes"));
  line("compression.fields", CompressionToString(compression.fields));
  line("compression.predictions", CompressionToString(compression.predictions));
  line("attempt_timeout_ms", attempt_timeout.count());
  line("max_attempts", max_attempts);
  line("hedge_budget", hedge_budget);
  line("retry_budget", retry_budget);
  line("max_group_age_ms", max_group_age.count());
  line("stats_log_interval_s", limit(stats_log_interval.count(), "0 (never)"));
  return text;
}

}  // namespace edl
