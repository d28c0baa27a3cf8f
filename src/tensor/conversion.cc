// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/conversion.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace edl {
namespace {

constexpr std::uint32_t kInfinity = 0x7f80'0000;         // FP32's
constexpr std::uint32_t kHalfInfinity = 0x7c00;          // FP16's
constexpr std::uint32_t kLeastHalf = 0x3880'0000;        // 2^-14, the least normal FP16, in FP32
constexpr std::uint32_t kHalfRebias = (127 - 15) << 23;  // between the two exponents

std::uint32_t Bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float FromBits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Without a branch, so that it can be done for several at a time. Each of the three ranges is computed, one is taken.
std::uint16_t ToHalf(std::uint32_t bits) {
  const std::uint32_t magnitude = bits & 0x7fff'ffff;
  // Rounding may carry into the exponent, up to infinity, which is as it should be.
  const std::uint32_t normal = (magnitude - kHalfRebias + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // The unit in the last place of 0.5 is the least FP16, so the sum's last bits are the multiple of it, rounded.
  const std::uint32_t subnormal = Bits(FromBits(magnitude) + 0.5f) - Bits(0.5f);
  const std::uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  std::uint32_t half = magnitude < kLeastHalf ? subnormal : normal;
  half = magnitude >= 0x4780'0000 ? kHalfInfinity : half;  // 65536
  half = magnitude > kInfinity ? nan : half;
  return static_cast<std::uint16_t>(half | ((bits >> 16) & 0x8000));
}

std::uint32_t FromHalf(std::uint16_t half) {
  const std::uint32_t shifted = (half & 0x7fffu) << 13;
  const std::uint32_t normal = shifted + kHalfRebias;
  const std::uint32_t special = normal + kHalfRebias;  // infinity, not a number
  const std::uint32_t subnormal = Bits(FromBits(shifted + kLeastHalf) - FromBits(kLeastHalf));
  std::uint32_t bits = shifted >= (kHalfInfinity << 13) ? special : normal;
  bits = shifted < (1u << 23) ? subnormal : bits;
  return bits | ((half & 0x8000u) << 16);
}

std::uint16_t ToBf16(std::uint32_t bits) {
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40;
  return static_cast<std::uint16_t>((bits & 0x7fff'ffff) > kInfinity ? nan : rounded);
}

// to[i] = convert(from[i], misfits) for all; false when one of them set a bit in `misfits`. Blocks have a length that
// the compiler knows, which is what it needs to use vectors.
template <typename From, typename To, typename Convert>
bool ForEach(const void* from, std::size_t count, void* to, Convert convert) {
  constexpr std::size_t kBlock = 64;
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  From in[kBlock];
  To out[kBlock];
  std::uint32_t misfits = 0;
  while (count > 0) {
    const std::size_t now = std::min(count, kBlock);
    if (now < kBlock) std::memset(in, 0, sizeof in);
    std::memcpy(in, source, now * sizeof(From));
    for (std::size_t i = 0; i < kBlock; ++i) out[i] = convert(in[i], misfits);
    std::memcpy(target, out, now * sizeof(To));
    source += now * sizeof(From);
    target += now * sizeof(To);
    count -= now;
  }
  return misfits == 0;
}

#if defined(__x86_64__)
// Every processor with AVX2 has the conversions of F16C, too.
const bool kHasHalves = __builtin_cpu_supports("avx2");

// Whole vectors of eight; gives how many elements that were.
__attribute__((target("avx2,f16c"))) std::size_t ToHalves(const float* from, std::size_t count, std::uint16_t* to,
                                                          bool& fits) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fff'ffff));
  const __m256 least_misfit = _mm256_set1_ps(65520.0f);  // rounds to infinity
  const __m256 infinity = _mm256_castsi256_ps(_mm256_set1_epi32(kInfinity));
  __m256 misfits = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(from + i);
    const __m256 size = _mm256_and_ps(value, magnitude);
    misfits = _mm256_or_ps(misfits, _mm256_and_ps(_mm256_cmp_ps(size, least_misfit, _CMP_GE_OQ),
                                                  _mm256_cmp_ps(size, infinity, _CMP_LT_OQ)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  fits = _mm256_movemask_ps(misfits) == 0;
  return i;
}

__attribute__((target("avx2,f16c"))) std::size_t FromHalves(const std::uint16_t* from, std::size_t count, float* to) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  return i;
}
#endif

}  // namespace

bool Fp32ToFp16Portably(const void* from, std::size_t count, void* to) {
  return ForEach<std::uint32_t, std::uint16_t>(from, count, to, [](std::uint32_t bits, std::uint32_t& misfits) {
    const std::uint16_t half = ToHalf(bits);
    misfits |= static_cast<std::uint32_t>((half & 0x7fff) == kHalfInfinity) & ((bits & 0x7fff'ffff) != kInfinity);
    return half;
  });
}

void Fp16ToFp32Portably(const void* from, std::size_t count, void* to) {
  ForEach<std::uint16_t, std::uint32_t>(from, count, to, [](std::uint16_t half, auto&) { return FromHalf(half); });
}

bool Fp32ToFp16(const void* from, std::size_t count, void* to) {
  bool fits = true;
  std::size_t done = 0;
#if defined(__x86_64__)
  if (kHasHalves) done = ToHalves(static_cast<const float*>(from), count, static_cast<std::uint16_t*>(to), fits);
#endif
  return Fp32ToFp16Portably(static_cast<const float*>(from) + done, count - done,
                            static_cast<std::uint16_t*>(to) + done) &&
         fits;
}

void Fp16ToFp32(const void* from, std::size_t count, void* to) {
  std::size_t done = 0;
#if defined(__x86_64__)
  if (kHasHalves) done = FromHalves(static_cast<const std::uint16_t*>(from), count, static_cast<float*>(to));
#endif
  Fp16ToFp32Portably(static_cast<const std::uint16_t*>(from) + done, count - done, static_cast<float*>(to) + done);
}

bool Fp32ToBf16(const void* from, std::size_t count, void* to) {
  return ForEach<std::uint32_t, std::uint16_t>(from, count, to, [](std::uint32_t bits, std::uint32_t& misfits) {
    const std::uint16_t rounded = ToBf16(bits);
    misfits |= static_cast<std::uint32_t>((rounded & 0x7fff) == 0x7f80) & ((bits & 0x7fff'ffff) != kInfinity);
    return rounded;
  });
}

void Bf16ToFp32(const void* from, std::size_t count, void* to) {
  ForEach<std::uint16_t, std::uint32_t>(from, count, to,
                                        [](std::uint16_t bits, auto&) { return std::uint32_t{bits} << 16; });
}

bool Fp32ToUint8(const void* from, std::size_t count, Quantization quantization, void* to) {
  // Adding it leaves no bit for fractions: the sum's last bits are the nearest integer.
  constexpr float kRound = 12'582'912.0f;  // 1.5 * 2^23
  const float least = static_cast<float>(-quantization.zero_point);
  const float most = static_cast<float>(255 - quantization.zero_point);
  const std::uint32_t zero = Bits(kRound) - static_cast<std::uint32_t>(quantization.zero_point);
  return ForEach<float, std::uint8_t>(from, count, to, [=](float value, std::uint32_t& misfits) {
    misfits |= static_cast<std::uint32_t>(value != value);
    float steps = value / quantization.scale;
    steps = steps > least ? steps : least;  // and for what is not a number
    steps = steps < most ? steps : most;
    return static_cast<std::uint8_t>(Bits(steps + kRound) - zero);
  });
}

void Uint8ToFp32(const void* from, std::size_t count, Quantization quantization, void* to) {
  ForEach<std::uint8_t, float>(from, count, to, [=](std::uint8_t value, auto&) {
    return quantization.scale * static_cast<float>(value - quantization.zero_point);
  });
}

}  // namespace edl
