// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/compressed_tensor.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/tensor/aligned_buffer.h"
#include "src/tensor/conversion.h"
#include "src/tensor/top_k.h"

namespace edl {
namespace {

Quantization QuantizationOf(const FieldCompression& how) {
  return {static_cast<float>(how.scale), how.zero_point};
}

bool Reduce(const void* from, std::size_t count, const FieldCompression& how, void* to) {
  if (how.dtype == DType::kFp16) return Fp32ToFp16(from, count, to);
  if (how.dtype == DType::kBf16) return Fp32ToBf16(from, count, to);
  return Fp32ToUint8(from, count, QuantizationOf(how), to);
}

absl::Status Misfit(const WireTensor& field, const FieldCompression& how) {
  std::size_t element = 0;
  for (const Fragment& fragment : field.fragments) {
    const auto* at = static_cast<const std::byte*>(fragment.data);
    for (std::size_t left = fragment.size; left > 0; left -= sizeof(float), at += sizeof(float), ++element) {
      std::uint16_t small;
      if (Reduce(at, 1, how, &small)) continue;
      float value;
      std::memcpy(&value, at, sizeof value);
      return absl::InvalidArgumentError(
          absl::StrCat("element ", element, " is ", value, ", for which ", DTypeName(how.dtype), " has no value"));
    }
  }
  return absl::InternalError("an element did not fit, and now all do");
}

WireTensor NewTensor(const WireTensor& like, DType dtype, std::shared_ptr<std::byte> buffer, std::size_t byte_size) {
  const void* data = buffer.get();
  return {{like.spec.name, dtype, like.spec.shape}, {{data, byte_size, std::move(buffer)}}};
}

absl::StatusOr<WireTensor> HalvesToFloats(const WireTensor& halves) {
  EDL_ASSIGN_OR_RETURN(const Tensor joined, Join({&halves}));
  const auto count = static_cast<std::size_t>(joined.element_count());
  std::shared_ptr<std::byte> buffer = AllocateAligned(count * sizeof(float));
  Fp16ToFp32(joined.data(), count, buffer.get());
  return NewTensor(halves, DType::kFp32, std::move(buffer), count * sizeof(float));
}

// A masked class is often a very low score, and must not become an infinite one.
void Saturate(const Tensor& floats, std::byte* halves) {
  constexpr std::uint16_t kHighest = 0x7bff, kSign = 0x8000;
  const auto* from = floats.data_as<float>();
  auto* to = reinterpret_cast<std::uint16_t*>(halves);
  for (std::int64_t i = 0; i < floats.element_count(); ++i) {
    if (std::isfinite(from[i]) && (to[i] & ~kSign) > kHighest) to[i] = kHighest | (to[i] & kSign);
  }
}

WireTensor FloatsToHalves(const std::string& name, const Tensor& floats) {
  const auto count = static_cast<std::size_t>(floats.element_count());
  std::shared_ptr<std::byte> buffer = AllocateAligned(count * sizeof(std::uint16_t));
  if (!Fp32ToFp16(floats.data(), count, buffer.get())) Saturate(floats, buffer.get());
  return NewTensor({{name, DType::kFp32, floats.shape()}, {}}, DType::kFp16, std::move(buffer),
                   count * sizeof(std::uint16_t));
}

}  // namespace

absl::StatusOr<WireTensor> CompressField(const WireTensor& field, const FieldCompression& how, BufferPool& buffers) {
  if (field.spec.dtype != DType::kFp32) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", field.spec.ToString(), "; only FP32 travels as ", how.ToString()));
  }
  const std::size_t byte_size = field.byte_size() / sizeof(float) * DTypeSize(how.dtype);
  std::shared_ptr<std::byte> buffer = buffers.Take(byte_size);
  std::byte* to = buffer.get();
  bool fits = true;
  for (const Fragment& fragment : field.fragments) {
    const std::size_t count = fragment.size / sizeof(float);
    fits &= Reduce(fragment.data, count, how, to);
    to += count * DTypeSize(how.dtype);
  }
  if (!fits) return Misfit(field, how);
  WireTensor compressed = NewTensor(field, how.dtype, std::move(buffer), byte_size);
  compressed.compressed = how;
  return compressed;
}

absl::StatusOr<WireTensor> ExpandField(const WireTensor& field) {
  const FieldCompression& how = *field.compressed;
  if (how.dtype == DType::kFp16) return HalvesToFloats(field);
  EDL_ASSIGN_OR_RETURN(const Tensor joined, Join({&field}));
  const auto count = static_cast<std::size_t>(joined.element_count());
  std::shared_ptr<std::byte> buffer = AllocateAligned(count * sizeof(float));
  if (how.dtype == DType::kBf16) {
    Bf16ToFp32(joined.data(), count, buffer.get());
  } else {
    Uint8ToFp32(joined.data(), count, QuantizationOf(how), buffer.get());
  }
  return NewTensor(field, DType::kFp32, std::move(buffer), count * sizeof(float));
}

absl::StatusOr<std::vector<WireTensor>> CompressPrediction(const std::string& name, const Tensor& prediction,
                                                           const PredictionCompression& how) {
  if (prediction.dtype() != DType::kFp32) {
    return absl::InvalidArgumentError(absl::StrCat("is ", prediction.ToString(), "; only FP32 is reduced"));
  }
  const bool halves = how.dtype == DType::kFp16;
  auto scores = [&](const Tensor& tensor) {
    return halves ? FloatsToHalves(name, tensor) : ToWireTensor(name, tensor);
  };
  if (how.top_k == 0) return std::vector<WireTensor>{scores(prediction)};
  EDL_ASSIGN_OR_RETURN(const TopScores top, TopK(prediction, how));
  return std::vector<WireTensor>{scores(top.values), ToWireTensor(TopKIndexName(name), top.index),
                                 ToWireTensor(TopKRestName(name), top.rest)};
}

absl::StatusOr<WireTensor> ExpandPrediction(const WireTensor& prediction) {
  return HalvesToFloats(prediction);
}

}  // namespace edl
