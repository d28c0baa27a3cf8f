// SPDX-License-Identifier: Apache-2.0
// Tensor: a row-major, little-endian array of one dtype, whose bytes it shares and never changes.
// Place: what a user's loader hands to the reader and what the reader hands back.
// Shapes: dimension 0 is the row (batch) dimension wherever a tensor stands for several samples.
// Thread-safety: a value; copies share the bytes, which nobody may change while a copy lives.
// Lifetime, cost: copying costs a reference count; tensor bytes are never copied, except by Tensor::Copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/dtype.h"

namespace edl {

using Shape = std::vector<std::int64_t>;

// "[32, 3, 224, 224]"
std::string ShapeToString(const Shape& shape);

// The product of the dimensions; INVALID_ARGUMENT when one is negative or the product overflows int64.
absl::StatusOr<std::int64_t> ElementCount(const Shape& shape);

class Tensor {
 public:
  // An empty FP32 tensor of shape [0].
  Tensor() = default;

  // Borrows `byte_size` bytes at `data`, which `owner` keeps alive (it may be null when the caller sees to it).
  // INVALID_ARGUMENT when the byte count does not fit dtype and shape, or a BYTES tensor's lengths do not add up.
  static absl::StatusOr<Tensor> Wrap(DType dtype, Shape shape, const void* data, std::size_t byte_size,
                                     std::shared_ptr<const void> owner);

  // Copies the bytes into memory of its own. Errors as for Wrap.
  static absl::StatusOr<Tensor> Copy(DType dtype, Shape shape, const void* data, std::size_t byte_size);

  // Takes over a vector of elements without copying: FromVector<float>({2, 3}, {…}). The element type fixes the
  // dtype: bool has none here (std::vector<bool> has no bytes), FP16 and BF16 go through Wrap or Copy.
  template <typename T>
  static absl::StatusOr<Tensor> FromVector(Shape shape, std::vector<T> values);

  // A BYTES tensor of the given strings.
  static absl::StatusOr<Tensor> FromStrings(Shape shape, const std::vector<std::string>& values);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const void* data() const { return data_; }
  std::size_t byte_size() const { return byte_size_; }
  std::int64_t element_count() const;

  // Dimension 0, or 0 for a scalar.
  std::int64_t rows() const { return shape_.empty() ? 0 : shape_[0]; }

  // The elements as T; nullptr when T is not this tensor's dtype.
  template <typename T>
  const T* data_as() const;

  // The elements of a BYTES tensor; INVALID_ARGUMENT for any other.
  absl::StatusOr<std::vector<std::string>> ToStrings() const;

  // Row `row` without its row dimension; shares the bytes. OUT_OF_RANGE when there is no such row.
  absl::StatusOr<Tensor> Row(std::int64_t row) const;

  // Rows [begin, end), with their row dimension; shares the bytes. OUT_OF_RANGE when they are not all there.
  absl::StatusOr<Tensor> Rows(std::int64_t begin, std::int64_t end) const;

  // The same bytes in another shape. INVALID_ARGUMENT when it has another number of elements.
  absl::StatusOr<Tensor> Reshape(Shape shape) const;

  // Keeps the bytes alive for as long as the tensor that it was taken from would.
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // "FP32 [32, 10]"
  std::string ToString() const;

 private:
  Tensor(DType dtype, Shape shape, const void* data, std::size_t byte_size, std::shared_ptr<const void> owner)
      : dtype_(dtype), shape_(std::move(shape)), data_(data), byte_size_(byte_size), owner_(std::move(owner)) {}

  DType dtype_ = DType::kFp32;
  Shape shape_ = {0};
  const void* data_ = nullptr;
  std::size_t byte_size_ = 0;
  std::shared_ptr<const void> owner_;
};

// What a model takes or gives under one name. shape[0] is the batch dimension; -1 stands for "any".
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFp32;
  Shape shape;

  // "image UINT8 [-1, 1, 28, 28]"
  std::string ToString() const;
};

inline bool operator==(const TensorSpec& a, const TensorSpec& b) {
  return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape;
}
inline bool operator!=(const TensorSpec& a, const TensorSpec& b) {
  return !(a == b);
}

// The dtype whose elements are C++ type T.
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::kUint8;
};
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::kUint16;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::kUint32;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::kUint64;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::kInt16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFp32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFp64;
};

template <typename T>
absl::StatusOr<Tensor> Tensor::FromVector(Shape shape, std::vector<T> values) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return Wrap(DTypeOf<T>::value, std::move(shape), owner->data(), owner->size() * sizeof(T), owner);
}

template <typename T>
const T* Tensor::data_as() const {
  return DTypeOf<T>::value == dtype_ ? static_cast<const T*>(data_) : nullptr;
}

}  // namespace edl
