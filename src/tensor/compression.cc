// SPDX-License-Identifier: Apache-2.0
#include "edl/compression.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace edl {

absl::Status FieldCompression::Validate() const {
  if (dtype != DType::kFp16 && dtype != DType::kBf16 && dtype != DType::kUint8) {
    return absl::InvalidArgumentError(absl::StrCat("dtype is ", DTypeName(dtype), "; expected FP16, BF16 or UINT8"));
  }
  if (dtype != DType::kUint8) return absl::OkStatus();
  // Both sides compute in FP32, in which it must not vanish or overflow.
  if (!std::isnormal(static_cast<float>(scale)) || scale < 0 || !std::isfinite(static_cast<float>(255 * scale))) {
    return absl::InvalidArgumentError(absl::StrCat("scale is ", scale, "; expected a finite number above 0 for UINT8"));
  }
  if (zero_point < 0 || zero_point > 255) {
    return absl::InvalidArgumentError(absl::StrCat("zero_point is ", zero_point, "; expected 0 to 255"));
  }
  return absl::OkStatus();
}

std::string FieldCompression::ToString() const {
  if (dtype != DType::kUint8) return DTypeName(dtype);
  return absl::StrCat("UINT8 x ", scale, " from ", zero_point);
}

absl::Status PredictionCompression::Validate() const {
  if (dtype != DType::kFp32 && dtype != DType::kFp16) {
    return absl::InvalidArgumentError(absl::StrCat("dtype is ", DTypeName(dtype), "; expected FP32 or FP16"));
  }
  if (top_k < 0 || top_k > INT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("top_k is ", top_k, "; expected 0 (all) to ", INT32_MAX));
  }
  if (!std::isnormal(static_cast<float>(temperature)) || temperature < 0) {
    return absl::InvalidArgumentError(absl::StrCat("temperature is ", temperature, "; expected a number above 0"));
  }
  return absl::OkStatus();
}

std::string PredictionCompression::ToString() const {
  std::string text = "all";
  if (top_k > 0) {
    text = absl::StrCat("top ", top_k);
    absl::StrAppend(&text, scores == Scores::kProbabilities ? " probabilities" : " logits");
    if (scores == Scores::kLogits) absl::StrAppend(&text, " at temperature ", temperature);
  }
  return absl::StrCat(text, " in ", DTypeName(dtype));
}

std::string TopKIndexName(const std::string& prediction) {
  return prediction + ".index";
}

std::string TopKRestName(const std::string& prediction) {
  return prediction + ".rest";
}

}  // namespace edl
