// SPDX-License-Identifier: Apache-2.0
// Typed contents: a tensor's elements as protobuf lists.
// Input: one byte the datatype, then an InferTensorContents.
#include "src/rpc/typed_contents.h"

#include "src/tensor/bytes_elements.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/wire_slices.h"

namespace edl {
namespace {

// Elements that the list of the datatype has.
int ListSize(const inference::InferTensorContents& contents, DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return contents.bool_contents_size();
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
      return contents.uint_contents_size();
    case DType::kUint64:
      return contents.uint64_contents_size();
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
      return contents.int_contents_size();
    case DType::kInt64:
      return contents.int64_contents_size();
    case DType::kFp32:
      return contents.fp32_contents_size();
    case DType::kFp64:
      return contents.fp64_contents_size();
    case DType::kBytes:
      return contents.bytes_contents_size();
    default:
      return 0;
  }
}

// Element `i` of what was encoded, as the list has it.
bool Same(const Fragment& bytes, DType dtype, int i, const inference::InferTensorContents& contents) {
  auto element = [&](auto like) {
    std::memcpy(&like, static_cast<const char*>(bytes.data) + i * sizeof like, sizeof like);
    return like;
  };
  auto same_bits = [](auto a, auto b) { return std::memcmp(&a, &b, sizeof a) == 0; };  // NaN, too
  switch (dtype) {
    case DType::kBool:
      return element(bool()) == contents.bool_contents(i);
    case DType::kUint8:
      return element(std::uint8_t()) == contents.uint_contents(i);
    case DType::kUint16:
      return element(std::uint16_t()) == contents.uint_contents(i);
    case DType::kUint32:
      return element(std::uint32_t()) == contents.uint_contents(i);
    case DType::kUint64:
      return element(std::uint64_t()) == contents.uint64_contents(i);
    case DType::kInt8:
      return element(std::int8_t()) == contents.int_contents(i);
    case DType::kInt16:
      return element(std::int16_t()) == contents.int_contents(i);
    case DType::kInt32:
      return element(std::int32_t()) == contents.int_contents(i);
    case DType::kInt64:
      return element(std::int64_t()) == contents.int64_contents(i);
    case DType::kFp32:
      return same_bits(element(float()), contents.fp32_contents(i));
    case DType::kFp64:
      return same_bits(element(double()), contents.fp64_contents(i));
    default:
      return false;
  }
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  FuzzInput input(data, size);
  const auto dtype = static_cast<DType>(input.Byte() % kDTypeCount);
  inference::InferTensorContents contents;
  if (!contents.ParseFromString(input.Rest())) return 0;
  absl::StatusOr<Fragment> bytes = EncodeTypedContents(contents, dtype);
  if (!bytes.ok()) {
    Require(absl::IsInvalidArgument(bytes.status()), "contents that make no sense are an INVALID_ARGUMENT");
    return 0;
  }
  const int count = ListSize(contents, dtype);
  absl::StatusOr<Tensor> tensor = Tensor::Copy(dtype, {count}, bytes->data, bytes->size);
  Require(tensor.ok(), "typed contents have the layout of raw ones");
  CheckTensor(*tensor);
  for (int i = 0; i < count && dtype != DType::kBytes; ++i) {
    Require(Same(*bytes, dtype, i, contents), "an element keeps its value");
  }
  if (dtype == DType::kBytes) {
    const std::vector<std::string> strings = tensor->ToStrings().value();
    for (int i = 0; i < count; ++i) Require(strings[i] == contents.bytes_contents(i), "a string keeps its bytes");
  }
  return 0;
}
