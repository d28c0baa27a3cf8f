// SPDX-License-Identifier: Apache-2.0
#include "edl/tensor.h"

#include <cstring>
#include <limits>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/status.h"
#include "src/tensor/aligned_buffer.h"
#include "src/tensor/bytes_elements.h"

namespace edl {

std::string ShapeToString(const Shape& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::StatusOr<std::int64_t> ElementCount(const Shape& shape) {
  // A zero dimension makes the product zero, but the others must still be sane.
  std::int64_t count = 1;
  bool overflow = false;
  bool zero = false;
  for (std::int64_t d : shape) {
    if (d < 0)
      return absl::InvalidArgumentError(absl::StrCat("shape ", ShapeToString(shape), " has a negative dimension"));
    zero = zero || d == 0;
    overflow = overflow || __builtin_mul_overflow(count, d, &count);
  }
  if (zero) return 0;
  if (overflow) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeToString(shape), " has more elements than fit 63 bits"));
  }
  return count;
}

absl::StatusOr<Tensor> Tensor::Wrap(DType dtype, Shape shape, const void* data, std::size_t byte_size,
                                    std::shared_ptr<const void> owner) {
  EDL_ASSIGN_OR_RETURN(std::int64_t elements, ElementCount(shape));
  if (dtype == DType::kBytes) {
    absl::Status status = CheckBytesElements(data, byte_size, elements);
    if (!status.ok()) return Annotate(status, absl::StrCat("BYTES tensor of shape ", ShapeToString(shape)));
  } else {
    std::size_t expected;
    if (__builtin_mul_overflow(static_cast<std::size_t>(elements), DTypeSize(dtype), &expected) ||
        expected != byte_size) {
      return absl::InvalidArgumentError(absl::StrCat(DTypeName(dtype), " tensor of shape ", ShapeToString(shape),
                                                     " takes ", elements, " x ", DTypeSize(dtype), " bytes, got ",
                                                     byte_size));
    }
  }
  return Tensor(dtype, std::move(shape), data, byte_size, std::move(owner));
}

absl::StatusOr<Tensor> Tensor::Copy(DType dtype, Shape shape, const void* data, std::size_t byte_size) {
  std::shared_ptr<std::byte> buffer = AllocateAligned(byte_size);
  if (byte_size != 0) std::memcpy(buffer.get(), data, byte_size);
  return Wrap(dtype, std::move(shape), buffer.get(), byte_size, buffer);
}

absl::StatusOr<Tensor> Tensor::FromStrings(Shape shape, const std::vector<std::string>& values) {
  std::string bytes;
  for (const std::string& value : values) {
    if (value.size() > std::numeric_limits<std::uint32_t>::max()) {
      return absl::InvalidArgumentError("an element of a BYTES tensor holds at most 4 GiB");
    }
    AppendBytesElement(value, bytes);
  }
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return Wrap(DType::kBytes, std::move(shape), owner->data(), owner->size(), owner);
}

std::int64_t Tensor::element_count() const {
  // The product fits, but what comes of the dimensions before a zero need not: unsigned, where that is no fault.
  std::uint64_t count = 1;
  for (std::int64_t d : shape_) count *= static_cast<std::uint64_t>(d);
  return static_cast<std::int64_t>(count);
}

absl::StatusOr<std::vector<std::string>> Tensor::ToStrings() const {
  if (dtype_ != DType::kBytes) {
    return absl::InvalidArgumentError(absl::StrCat("only a BYTES tensor has strings, this one is ", ToString()));
  }
  std::vector<std::string> values;
  const char* at = static_cast<const char*>(data_);
  for (std::int64_t n = element_count(); n > 0; --n) {
    std::size_t size = BytesElementSize(at);
    values.emplace_back(at + kBytesLengthSize, size);
    at += kBytesLengthSize + size;
  }
  return values;
}

absl::StatusOr<Tensor> Tensor::Row(std::int64_t row) const {
  EDL_ASSIGN_OR_RETURN(Tensor tensor, Rows(row, row + 1));
  tensor.shape_.erase(tensor.shape_.begin());
  return tensor;
}

absl::StatusOr<Tensor> Tensor::Rows(std::int64_t begin, std::int64_t end) const {
  const std::int64_t row_count = rows();
  if (shape_.empty() || begin < 0 || begin > end || end > row_count) {
    return absl::OutOfRangeError(absl::StrCat("rows [", begin, ", ", end, ") of ", ToString()));
  }
  Shape shape = shape_;
  shape[0] = end - begin;
  const char* data = static_cast<const char*>(data_);
  std::int64_t row_elements = row_count == 0 ? 0 : element_count() / row_count;
  std::size_t from, size;
  if (dtype_ == DType::kBytes) {
    from = BytesElementsSize(data, begin * row_elements);
    size = BytesElementsSize(data + from, (end - begin) * row_elements);
  } else {
    std::size_t row_bytes = static_cast<std::size_t>(row_elements) * DTypeSize(dtype_);
    from = static_cast<std::size_t>(begin) * row_bytes;
    size = static_cast<std::size_t>(end - begin) * row_bytes;
  }
  return Tensor(dtype_, std::move(shape), data + from, size, owner_);
}

absl::StatusOr<Tensor> Tensor::Reshape(Shape shape) const {
  EDL_ASSIGN_OR_RETURN(std::int64_t elements, ElementCount(shape));
  if (elements != element_count()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot reshape ", ToString(), " to ", ShapeToString(shape)));
  }
  return Tensor(dtype_, std::move(shape), data_, byte_size_, owner_);
}

std::string Tensor::ToString() const {
  return absl::StrCat(DTypeName(dtype_), " ", ShapeToString(shape_));
}

std::string TensorSpec::ToString() const {
  return absl::StrCat(name, " ", DTypeName(dtype), " ", ShapeToString(shape));
}

}  // namespace edl
