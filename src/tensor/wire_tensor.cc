// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/wire_tensor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/tensor/aligned_buffer.h"

namespace edl {
namespace {

bool SameRowShape(const Shape& a, const Shape& b) {
  return !a.empty() && a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

bool IsAligned(const void* data, DType dtype) {
  return reinterpret_cast<std::uintptr_t>(data) % std::max<std::size_t>(DTypeSize(dtype), 1) == 0;
}

}  // namespace

std::size_t WireTensor::byte_size() const {
  std::size_t size = shared ? shared->byte_size : 0;
  for (const Fragment& fragment : fragments) size += fragment.size;
  return size;
}

std::byte* WireTensor::CopyTo(std::byte* to) const {
  for (const Fragment& fragment : fragments) {
    if (fragment.size != 0) std::memcpy(to, fragment.data, fragment.size);
    to += fragment.size;
  }
  return to;
}

WireTensor ToWireTensor(const std::string& name, const Tensor& tensor) {
  return {{name, tensor.dtype(), tensor.shape()}, {{tensor.data(), tensor.byte_size(), tensor.owner()}}, {}};
}

absl::StatusOr<Tensor> Join(const std::vector<const WireTensor*>& parts) {
  const TensorSpec& first = parts.front()->spec;
  Shape shape = first.shape;
  std::size_t byte_size = parts.front()->byte_size();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const TensorSpec& spec = parts[i]->spec;
    if (spec.dtype != first.dtype || !SameRowShape(spec.shape, first.shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat("parts of one batch do not fit together: ", first.ToString(), " and ", spec.ToString()));
    }
    shape[0] += spec.shape[0];
    byte_size += parts[i]->byte_size();
  }
  if (parts.size() == 1 && parts[0]->fragments.size() == 1 && IsAligned(parts[0]->fragments[0].data, first.dtype)) {
    const Fragment& only = parts[0]->fragments[0];
    return Tensor::Wrap(first.dtype, std::move(shape), only.data, only.size, only.owner);
  }
  std::shared_ptr<std::byte> buffer = AllocateAligned(byte_size);
  std::byte* to = buffer.get();
  for (const WireTensor* part : parts) to = part->CopyTo(to);
  return Tensor::Wrap(first.dtype, std::move(shape), buffer.get(), byte_size, buffer);
}

}  // namespace edl
