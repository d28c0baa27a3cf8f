// SPDX-License-Identifier: Apache-2.0
// Teacher: a network of convolutions over a text's bytes, written as TorchScript. It is trained as the very module that
// edl-teacher serves, so there is no second definition that could differ.
// Shapes: forward(tokens int32 [rows, length], lengths int32 [rows]) gives logits float32 [rows, classes]; length is
//         the batch's own, and what stands behind a text's end does not count.
#pragma once

#include "torch/script.h"

#include <cstdint>
#include <filesystem>

namespace text_sentiment {

inline constexpr std::int64_t kTeacherEmbedding = 48;
inline constexpr std::int64_t kTeacherChannels = 128;

// Of random weights, which torch's seed decides.
torch::jit::Module NewTeacher(std::int64_t classes);

// What edl-teacher serves: the file, and beside it the sidecar that says what it takes and gives.
void SaveTeacher(const torch::jit::Module& teacher, std::int64_t classes, const std::filesystem::path& file);

}  // namespace text_sentiment
