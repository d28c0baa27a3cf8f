// SPDX-License-Identifier: Apache-2.0
// FuzzInput: the bytes of one run of a fuzz target, taken from the front; and what a target does when a promise broke.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace edl {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  // 0 when nothing is left.
  std::uint8_t Byte() { return at_ == end_ ? std::uint8_t{0} : *at_++; }

  std::uint64_t Number() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 8) number |= static_cast<std::uint64_t>(Byte()) << shift;
    return number;
  }

  // Up to the next newline, which is taken and not given.
  std::string Line() {
    const std::uint8_t* newline = std::find(at_, end_, '\n');
    std::string line(at_, newline);
    at_ = newline == end_ ? end_ : newline + 1;
    return line;
  }

  std::string Rest() {
    std::string rest(at_, end_);
    at_ = end_;
    return rest;
  }

  bool empty() const { return at_ == end_; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* const end_;
};

// Ends the process, which is how a fuzzer learns of it.
inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace edl
