// SPDX-License-Identifier: Apache-2.0
// A server's word, in the trailing metadata, on how long it wants to be left alone. Input: the metadata's value.
#include "src/rpc/pushback.h"

#include "absl/strings/ascii.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  const std::string value = FuzzInput(data, size).Rest();
  const absl::Status failed = absl::ResourceExhaustedError("busy");
  const absl::Status status = WithPushback(failed, value);
  Require(status.code() == failed.code() && status.message() == failed.message(), "the error stays the same");
  const std::optional<std::chrono::milliseconds> pushback = PushbackOf(status);
  if (!pushback) {
    Require(status == failed, "what is no number leaves nothing behind");
    return 0;
  }
  Require(pushback->count() >= 0 && *pushback <= kLongestPushback, "a server is left alone for a bounded time");
  bool digits = !value.empty() && value.size() <= 5;
  for (unsigned char c : value) digits = digits && absl::ascii_isdigit(c);
  Require(!digits || pushback->count() == std::atoll(value.c_str()), "it is the number that the server says");
  return 0;
}
