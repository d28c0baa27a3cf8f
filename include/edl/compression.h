// SPDX-License-Identifier: Apache-2.0
// Compression: how FP32 tensors travel in fewer bytes, at a bounded loss: fields on their way to the teachers, soft
//        labels on their way back. Off by default.
// Place: ReaderOptions::compression. The student gets its fields as they were, and predictions in FP32.
// Units: the error of a value x, which is rounded to the nearest, ties to even:
//          FP16   <= 2^-11 x from 6.2e-5 to 65504, <= 2^-25 below; beyond, scores are clamped to 65504
//          BF16   <= 2^-8 x for what is normal in FP32, up to 3.38e38
//          UINT8  <= scale / 2, and FP32's own rounding, from scale * (0 - zero_point) to scale * (255 - zero_point);
//                 values beyond are clamped to these
//        A field that holds a finite value beyond FP16's or BF16's range, or for UINT8 what is not a number, travels as
//        FP32 in that request, and the log says so once a teacher.
// With whom: teachers that list the extension "edl_compression" (edl-teacher does). Others are sent FP32, and
//        what they answer is reduced by the reader, so that the student gets the same tensors from all.
// Source: IEEE 754 binary16; bfloat16; Jacob et al., "Quantization and Training of Neural Networks for Efficient
//         Integer-Arithmetic-Only Inference", 2018 (scale and zero point).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "edl/dtype.h"

namespace edl {

struct FieldCompression {
  // kFp16, kBf16 or kUint8: in which the FP32 field travels.
  DType dtype = DType::kFp16;

  // kUint8: x travels as q = round(x / scale) + zero_point and arrives as scale * (q - zero_point). scale: finite,
  // above 0; zero_point: 0 to 255.
  double scale = 0;
  int zero_point = 0;

  // INVALID_ARGUMENT naming field, value and range.
  absl::Status Validate() const;

  // "FP16", "UINT8 x 0.0039 from 0"
  std::string ToString() const;
};

// What the scores of a prediction are.
enum class Scores {
  kLogits,         // raw
  kProbabilities,  // 0 or more
};

struct PredictionCompression {
  // kFp32 or kFp16: in which the soft labels travel.
  DType dtype = DType::kFp32;

  // Above 0: only the top_k highest scores of the last dimension [.., classes] come, in place of prediction NAME these
  // three: NAME FP32 [.., top_k], the highest first (of equal ones, the lower class); NAME.index INT32 [.., top_k],
  // their classes; NAME.rest FP32 [..], the other classes' mass. Less than there are classes.
  std::int64_t top_k = 0;

  // For the rest's mass. Of probabilities: the others' sum. Of logits z: T * log(sum of exp(z / T)) over the others at
  // temperature T, so that softmax([NAME, NAME.rest] / T) holds the probabilities of the top_k classes, and then that
  // of all others together.
  Scores scores = Scores::kLogits;
  double temperature = 1;  // finite, above 0

  absl::Status Validate() const;

  // "top 64 logits at temperature 4 in FP16"
  std::string ToString() const;
};

struct Compression {
  std::map<std::string, FieldCompression> fields;            // by ReaderOptions::fields
  std::map<std::string, PredictionCompression> predictions;  // by ReaderOptions::predictions

  bool empty() const { return fields.empty() && predictions.empty(); }
};

// The names of the tensors that come beside the top_k values.
std::string TopKIndexName(const std::string& prediction);
std::string TopKRestName(const std::string& prediction);

}  // namespace edl
