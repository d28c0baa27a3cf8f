// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/typed_contents.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/tensor/bytes_elements.h"

namespace edl {
namespace {

template <typename Element, typename List>
absl::StatusOr<std::string> Encode(const List& list) {
  std::string bytes;
  bytes.reserve(list.size() * sizeof(Element));
  for (auto value : list) {
    auto element = static_cast<Element>(value);
    if (element != value && value == value) {  // a NaN differs from itself, and is no range error
      return absl::InvalidArgumentError(absl::StrCat("element ", value, " is out of the datatype's range"));
    }
    bytes.append(reinterpret_cast<const char*>(&element), sizeof element);
  }
  return bytes;
}

absl::StatusOr<std::string> EncodeBytes(const google::protobuf::RepeatedPtrField<std::string>& list) {
  std::string bytes;
  for (const std::string& value : list) AppendBytesElement(value, bytes);
  return bytes;
}

absl::StatusOr<std::string> EncodeAs(const inference::InferTensorContents& contents, DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return Encode<bool>(contents.bool_contents());
    case DType::kUint8:
      return Encode<std::uint8_t>(contents.uint_contents());
    case DType::kUint16:
      return Encode<std::uint16_t>(contents.uint_contents());
    case DType::kUint32:
      return Encode<std::uint32_t>(contents.uint_contents());
    case DType::kUint64:
      return Encode<std::uint64_t>(contents.uint64_contents());
    case DType::kInt8:
      return Encode<std::int8_t>(contents.int_contents());
    case DType::kInt16:
      return Encode<std::int16_t>(contents.int_contents());
    case DType::kInt32:
      return Encode<std::int32_t>(contents.int_contents());
    case DType::kInt64:
      return Encode<std::int64_t>(contents.int64_contents());
    case DType::kFp32:
      return Encode<float>(contents.fp32_contents());
    case DType::kFp64:
      return Encode<double>(contents.fp64_contents());
    case DType::kBytes:
      return EncodeBytes(contents.bytes_contents());
    case DType::kFp16:
    case DType::kBf16:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(DTypeName(dtype), " has no typed contents; it travels raw"));
}

}  // namespace

absl::StatusOr<Fragment> EncodeTypedContents(const inference::InferTensorContents& contents, DType dtype) {
  EDL_ASSIGN_OR_RETURN(std::string bytes, EncodeAs(contents, dtype));
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return Fragment{owner->data(), owner->size(), owner};
}

}  // namespace edl
