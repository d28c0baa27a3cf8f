// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/tensor.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "src/torch/torch_dtype.h"
#include "src/torch/torch_error.h"

namespace edl {

absl::StatusOr<Tensor> FromTorch(const torch::Tensor& tensor) {
  if (!tensor.defined()) return absl::InvalidArgumentError("the torch::Tensor is undefined");
  std::optional<DType> dtype = FromTorchDType(tensor.scalar_type());
  if (!dtype || tensor.layout() != torch::kStrided || tensor.is_quantized()) {
    return absl::InvalidArgumentError(absl::StrCat("a torch::Tensor of type ", tensor.toString(),
                                                   " has no counterpart in the protocol; convert it with to()"));
  }
  return TorchGuarded(absl::StatusCode::kInvalidArgument, [&]() -> absl::StatusOr<Tensor> {
    auto owner = std::make_shared<const torch::Tensor>(tensor.detach().cpu().contiguous());
    return Tensor::Wrap(*dtype, owner->sizes().vec(), owner->data_ptr(), owner->nbytes(), owner);
  });
}

absl::StatusOr<torch::Tensor> ToTorch(const Tensor& tensor) {
  std::optional<torch::ScalarType> dtype = ToTorchDType(tensor.dtype());
  if (!dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat(tensor.ToString(), " has no counterpart in libtorch; read it by data_as() or ToStrings()"));
  }
  return TorchGuarded(absl::StatusCode::kInvalidArgument, [&]() -> absl::StatusOr<torch::Tensor> {
    const auto options = torch::TensorOptions().dtype(*dtype);
    void* data = const_cast<void*>(tensor.data());  // libtorch has no tensor of constant elements
    auto keep_alive = [owner = tensor.owner()](void*) {};
    torch::Tensor shared = torch::from_blob(data, tensor.shape(), keep_alive, options);
    // Whoever wrapped foreign bytes may have wrapped them at any address; arithmetic needs whole elements.
    const bool aligned = reinterpret_cast<std::uintptr_t>(data) % DTypeSize(tensor.dtype()) == 0;
    if (aligned) return shared;
    torch::Tensor copy = torch::empty(tensor.shape(), options);
    std::memcpy(copy.data_ptr(), data, tensor.byte_size());
    return copy;
  });
}

}  // namespace edl
