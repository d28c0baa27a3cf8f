// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/raw_message.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/wire_format_lite.h"
#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/rpc/field_count.h"

namespace edl {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::ArrayInputStream;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::ConcatenatingInputStream;
using google::protobuf::io::ZeroCopyInputStream;

// Below this, one more slice costs more (an allocation, an iovec entry) than copying the bytes.
constexpr std::size_t kCopyBelow = 1024;

constexpr std::size_t kMessageLimit = std::numeric_limits<std::int32_t>::max();

absl::Status Malformed() {
  return absl::InvalidArgumentError("the bytes are not a ModelInfer message");
}

void AppendVarint(std::uint64_t value, std::string& out) {
  std::uint8_t bytes[10];
  out.append(reinterpret_cast<char*>(bytes), CodedOutputStream::WriteVarint64ToArray(value, bytes) - bytes);
}

// A fragment's owner while gRPC holds its slice. That a slice is let go after it was made is gRPC's own order, which
// ThreadSanitizer does not see; it sees the lock's (docs/decisions/thread_sanitizer.md).
class HeldOwner {
 public:
  explicit HeldOwner(std::shared_ptr<const void> owner) {
    MutexLock lock(mu_);
    owner_ = std::move(owner);
  }

  static void LetGo(void* held) {
    auto* self = static_cast<HeldOwner*>(held);
    { MutexLock lock(self->mu_); }
    delete self;
  }

 private:
  Mutex mu_;
  std::shared_ptr<const void> owner_;
};

// A slice of borrowed memory, which it keeps alive however long gRPC holds it.
grpc::Slice Borrow(const Fragment& fragment) {
  return grpc::Slice(const_cast<void*>(fragment.data), fragment.size, HeldOwner::LetGo, new HeldOwner(fragment.owner));
}

absl::StatusOr<std::vector<Fragment>> ReadFragments(CodedInputStream& input, const std::shared_ptr<const void>& owner) {
  std::uint64_t left;
  if (!input.ReadVarint64(&left)) return Malformed();
  std::vector<Fragment> fragments;
  while (left > 0) {
    const void* data;
    int size;
    if (!input.GetDirectBufferPointer(&data, &size)) return Malformed();
    size = static_cast<int>(std::min<std::uint64_t>(size, left));
    fragments.push_back({data, static_cast<std::size_t>(size), owner});
    input.Skip(size);
    left -= size;
  }
  return fragments;
}

// Every known field but the raw one is a string or a message; whatever else comes is unknown and skipped.
bool CopyField(CodedInputStream& input, std::uint32_t tag, std::string& out) {
  if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
    return WireFormatLite::SkipField(&input, tag);
  }
  std::uint32_t size;
  std::string bytes;
  if (!input.ReadVarint32(&size) || size > kMessageLimit || !input.ReadString(&bytes, static_cast<int>(size))) {
    return false;
  }
  AppendVarint(tag, out);
  AppendVarint(size, out);
  out += bytes;
  return true;
}

}  // namespace

absl::StatusOr<grpc::ByteBuffer> JoinRawMessage(const google::protobuf::MessageLite& header, int raw_field,
                                                const std::vector<WireTensor>& tensors) {
  const std::uint32_t raw_tag = WireFormatLite::MakeTag(raw_field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  std::vector<grpc::Slice> slices;
  std::string pending = header.SerializeAsString();
  std::size_t total = pending.size();
  for (const WireTensor& tensor : tensors) {
    if (tensor.shared) continue;  // its bytes stay where they are
    AppendVarint(raw_tag, pending);
    AppendVarint(tensor.byte_size(), pending);
    total += tensor.byte_size() + 16;
    for (const Fragment& fragment : tensor.fragments) {
      if (fragment.size < kCopyBelow) {
        pending.append(static_cast<const char*>(fragment.data), fragment.size);
      } else {
        slices.emplace_back(pending);
        pending.clear();
        slices.push_back(Borrow(fragment));
      }
    }
  }
  if (!pending.empty()) slices.emplace_back(pending);
  if (total > kMessageLimit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message of ", total, " bytes is over the limit of ", kMessageLimit));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

absl::StatusOr<std::vector<std::vector<Fragment>>> SplitRawMessage(const grpc::ByteBuffer& buffer, int raw_field,
                                                                   google::protobuf::MessageLite& header) {
  if (buffer.Length() > kMessageLimit) return Malformed();
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  if (buffer.Valid() && !buffer.Dump(slices.get()).ok()) {
    return absl::InvalidArgumentError("the message could not be decompressed");
  }
  std::deque<ArrayInputStream> arrays;
  std::vector<ZeroCopyInputStream*> streams;
  for (const grpc::Slice& slice : *slices) {
    streams.push_back(&arrays.emplace_back(slice.begin(), static_cast<int>(slice.size())));
  }
  ConcatenatingInputStream bytes(streams.data(), static_cast<int>(streams.size()));
  CodedInputStream input(&bytes);
  input.SetTotalBytesLimit(std::numeric_limits<std::int32_t>::max());

  std::vector<std::vector<Fragment>> raw;
  std::string rest;
  while (std::uint32_t tag = input.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) == raw_field &&
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (raw.size() == kMostFields) {
        return absl::InvalidArgumentError(absl::StrCat("the message has more than ", kMostFields, " raw contents"));
      }
      EDL_ASSIGN_OR_RETURN(std::vector<Fragment> fragments, ReadFragments(input, slices));
      raw.push_back(std::move(fragments));
    } else if (!CopyField(input, tag, rest)) {
      return Malformed();
    }
  }
  if (!input.ConsumedEntireMessage()) return Malformed();
  EDL_RETURN_IF_ERROR(CheckFieldCount(rest));
  if (!header.ParseFromString(rest)) return Malformed();
  return raw;
}

}  // namespace edl
