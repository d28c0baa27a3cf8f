// SPDX-License-Identifier: Apache-2.0
// Writes a trained teacher as TorchScript without Python.
#pragma once

#include "torch/script.h"

#include "examples/fashion_mnist/networks.h"

namespace fashion_mnist {

// The teacher in evaluation mode as a TorchScript module: uint8 images [N, 1, 28, 28] to float32 logits [N, 10]. Batch
// normalisation is folded into the convolutions, so the logits equal the teacher's up to rounding. Store it with
// save().
torch::jit::Module MakeTeacherScript(Teacher& teacher);

}  // namespace fashion_mnist
