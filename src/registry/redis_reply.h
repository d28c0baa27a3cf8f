// SPDX-License-Identifier: Apache-2.0
// RedisReply: an answer of Redis, as a value. An error reply is a status instead; one inside an array is text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edl {

struct RedisReply {
  enum class Kind { kNil, kText, kInteger, kArray };

  Kind kind = Kind::kNil;
  std::string text;
  std::int64_t integer = 0;
  std::vector<RedisReply> elements;
};

}  // namespace edl
