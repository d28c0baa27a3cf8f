// SPDX-License-Identifier: Apache-2.0
// Conversion: arrays of FP32 elements to and from the smaller types in which they travel.
// Dtype: as compression.h has it: rounded to the nearest, ties to even.
// Errors: false - a finite element became infinite (FP16, BF16), or was not a number (UINT8); all are converted anyhow.
// Thread-safety: any. Cost: written for the compiler's vectors, one pass; `from` and `to` need no alignment, and do not
//                overlap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edl {

bool Fp32ToFp16(const void* from, std::size_t count, void* to);
void Fp16ToFp32(const void* from, std::size_t count, void* to);

bool Fp32ToBf16(const void* from, std::size_t count, void* to);
void Bf16ToFp32(const void* from, std::size_t count, void* to);

struct Quantization {
  float scale = 1;
  int zero_point = 0;
};
bool Fp32ToUint8(const void* from, std::size_t count, Quantization quantization, void* to);
void Uint8ToFp32(const void* from, std::size_t count, Quantization quantization, void* to);

// For tests: without the processor's own instructions for halves, where it has them.
bool Fp32ToFp16Portably(const void* from, std::size_t count, void* to);
void Fp16ToFp32Portably(const void* from, std::size_t count, void* to);

}  // namespace edl
