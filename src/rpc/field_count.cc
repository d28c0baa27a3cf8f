// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/field_count.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace edl {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The messages that a request or reply is made of, each by what it holds. (Fields by the proto's numbers, which do not
// change.)
enum class Kind { kCall, kTensor, kAsked, kEntry, kLeaf };

// What a field of such a message is; nothing: bytes, which stay one piece.
std::optional<Kind> KindOf(Kind parent, int field) {
  switch (parent) {
    case Kind::kCall:
      if (field == 4) return Kind::kEntry;   // parameters
      if (field == 5) return Kind::kTensor;  // inputs or outputs
      if (field == 6) return Kind::kAsked;   // the outputs that a request asks for
      break;
    case Kind::kTensor:
      if (field == 4) return Kind::kEntry;
      if (field == 5) return Kind::kLeaf;  // typed contents
      break;
    case Kind::kAsked:
      if (field == 2) return Kind::kEntry;
      break;
    case Kind::kEntry:
      if (field == 2) return Kind::kLeaf;  // a parameter's value
      break;
    case Kind::kLeaf:
      break;
  }
  return std::nullopt;
}

// Adds to `count`, and stops beyond the bound. What is no message is left to protobuf, which says so.
void Count(absl::string_view message, Kind kind, int& count) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.data());
  CodedInputStream input(bytes, static_cast<int>(message.size()));
  while (std::uint32_t tag = input.ReadTag()) {
    if (++count > kMostFields) return;
    std::uint32_t size;
    if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) {
      count = kMostFields + 1;  // protobuf keeps each field in it, and the protocol has none
      return;
    }
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return;
      continue;
    }
    if (!input.ReadVarint32(&size)) return;
    const auto at = static_cast<std::size_t>(input.CurrentPosition());
    if (size > message.size() - at) return;
    const std::optional<Kind> inner = KindOf(kind, WireFormatLite::GetTagFieldNumber(tag));
    if (inner) Count(message.substr(at, size), *inner, count);
    input.Skip(static_cast<int>(size));
  }
}

}  // namespace

absl::Status CheckFieldCount(absl::string_view message) {
  int count = 0;
  Count(message, Kind::kCall, count);
  if (count <= kMostFields) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the message has more than ", kMostFields,
                                                 " fields (tensors, parameters, typed elements of BYTES); send BYTES "
                                                 "in raw contents"));
}

}  // namespace edl
