// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/times_parameters.h"

#include <chrono>
#include <cstdint>

#include "src/rpc/extensions.h"

namespace edl {
namespace {

using std::chrono::nanoseconds;

constexpr char kQueue[] = "queue_ns";
constexpr char kCompute[] = "compute_ns";

// Longer than any call; sums of them stay far from an overflow.
constexpr std::int64_t kLongest = nanoseconds(std::chrono::hours(24)).count();

std::optional<nanoseconds> TimeParameter(const MessageParameters& parameters, const char* name) {
  auto found = parameters.find(name);
  if (found == parameters.end() || !found->second.has_int64_param()) return std::nullopt;
  const std::int64_t time = found->second.int64_param();
  if (time < 0 || time > kLongest) return std::nullopt;
  return nanoseconds(time);
}

}  // namespace

void AskForTimes(MessageParameters& request) {
  request[kTimesExtension].set_bool_param(true);
}

bool AsksForTimes(const MessageParameters& request) {
  auto found = request.find(kTimesExtension);
  return found != request.end() && found->second.bool_param();
}

void WriteTimes(const ReplyTimes& times, MessageParameters& reply) {
  reply[kQueue].set_int64_param(times.queue.count());
  reply[kCompute].set_int64_param(times.compute.count());
}

std::optional<ReplyTimes> ReadTimes(const MessageParameters& reply) {
  const std::optional<nanoseconds> queue = TimeParameter(reply, kQueue), compute = TimeParameter(reply, kCompute);
  if (!queue || !compute) return std::nullopt;
  return ReplyTimes{*queue, *compute};
}

}  // namespace edl
