// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/field_count.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace edl {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Tensors, and a tensor's typed contents, are field 5 of their messages, in requests and replies; what a request asks
// for is its field 6. (The proto's own numbers, which do not change.)
constexpr int kTensors = 5;
constexpr int kAsked = 6;
constexpr int kContentsDepth = 2;

bool HasFields(int depth, int field) {
  return (depth < kContentsDepth && field == kTensors) || (depth == 0 && field == kAsked);
}

// Adds to `count`, and stops beyond the bound. What is no message is left to protobuf, which says so.
void Count(absl::string_view message, int depth, int& count) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.data());
  CodedInputStream input(bytes, static_cast<int>(message.size()));
  while (std::uint32_t tag = input.ReadTag()) {
    if (++count > kMostFields) return;
    std::uint32_t size;
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return;
      continue;
    }
    if (!input.ReadVarint32(&size)) return;
    const auto at = static_cast<std::size_t>(input.CurrentPosition());
    if (size > message.size() - at) return;
    if (HasFields(depth, WireFormatLite::GetTagFieldNumber(tag))) Count(message.substr(at, size), depth + 1, count);
    input.Skip(static_cast<int>(size));
  }
}

}  // namespace

absl::Status CheckFieldCount(absl::string_view message) {
  int count = 0;
  Count(message, 0, count);
  if (count <= kMostFields) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the message has more than ", kMostFields,
                                                 " fields (tensors, parameters, typed elements of BYTES); send BYTES "
                                                 "in raw contents"));
}

}  // namespace edl
