// SPDX-License-Identifier: Apache-2.0
// The conversions keep their bounds, and the processor's own give what the portable ones do.
#include "src/tensor/conversion.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace edl {
namespace {

using Halves = std::vector<std::uint16_t>;
using Floats = std::vector<float>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Halves AllHalves() {
  Halves halves(65'536);
  std::iota(halves.begin(), halves.end(), std::uint16_t{0});
  return halves;
}

Floats ToFloats(const Halves& halves) {
  Floats floats(halves.size());
  Fp16ToFp32(halves.data(), halves.size(), floats.data());
  return floats;
}

// Any bits.
Floats SomeFloats(std::size_t count) {
  const unsigned seed = std::random_device()();
  ::testing::Test::RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  Floats floats(count);
  for (float& value : floats) {
    const auto bits = static_cast<std::uint32_t>(random());
    std::memcpy(&value, &bits, sizeof value);
  }
  return floats;
}

bool IsNan(std::uint16_t half) {
  return (half & 0x7fff) > 0x7c00;
}

TEST(Conversion, EveryHalfComesBackAsItWas) {
  const Halves all = AllHalves();
  const Floats floats = ToFloats(all);
  Halves back(all.size());
  Fp32ToFp16(floats.data(), floats.size(), back.data());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (IsNan(all[i])) {
      EXPECT_TRUE(std::isnan(floats[i]));
      EXPECT_TRUE(IsNan(back[i]));
    } else {
      ASSERT_EQ(back[i], all[i]);
    }
  }
  EXPECT_EQ(floats[0x3c00], 1.0f);
  EXPECT_EQ(floats[0x7bff], 65504.0f);
  EXPECT_EQ(floats[0x0001], std::ldexp(1.0f, -24));
  EXPECT_EQ(floats[0xfc00], -kInfinity);
}

TEST(Conversion, HalvesAreRoundedToTheNearestAndTiesToEven) {
  const Floats all = ToFloats(AllHalves());
  for (std::uint16_t low = 0; low < 0x7bff; ++low) {  // between it and the next there is nothing
    const float middle = (all[low] + all[low + 1]) / 2;
    const Floats values = {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, kInfinity)};
    Halves halves(3);
    ASSERT_TRUE(Fp32ToFp16(values.data(), 3, halves.data()));
    ASSERT_EQ(halves[0], low + (low & 1));
    ASSERT_EQ(halves[1], low);
    ASSERT_EQ(halves[2], low + 1);
  }
}

TEST(Conversion, TheProcessorsHalvesAreThePortableOnes) {
  for (std::size_t count : {1, 7, 8, 9, 63, 64, 65, 100'003}) {
    const Floats floats = SomeFloats(count);
    Halves own(count), portable(count);
    EXPECT_EQ(Fp32ToFp16(floats.data(), count, own.data()), Fp32ToFp16Portably(floats.data(), count, portable.data()));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(own[i] == portable[i] || (IsNan(own[i]) && IsNan(portable[i]))) << floats[i];
    }
  }
  const Halves all = AllHalves();
  const Floats own = ToFloats(all);
  Floats portable(all.size());
  Fp16ToFp32Portably(all.data(), all.size(), portable.data());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(own[i] == portable[i] || (std::isnan(own[i]) && std::isnan(portable[i]))) << all[i];
  }
}

TEST(Conversion, SaysThatAFiniteValueBecameInfinite) {
  for (std::size_t place : {0, 5, 70, 99}) {
    Floats floats(100, 1.0f);
    Halves small(100);
    floats[place] = 65'519.9f;
    EXPECT_TRUE(Fp32ToFp16(floats.data(), 100, small.data()));
    floats[place] = -65'520.0f;
    EXPECT_FALSE(Fp32ToFp16(floats.data(), 100, small.data()));
    EXPECT_FALSE(Fp32ToFp16Portably(floats.data(), 100, small.data()));
    EXPECT_TRUE(Fp32ToBf16(floats.data(), 100, small.data()));
    floats[place] = std::numeric_limits<float>::max();
    EXPECT_FALSE(Fp32ToBf16(floats.data(), 100, small.data()));
    for (float special : {kInfinity, -kInfinity, kNan}) {  // come out as what they are
      floats[place] = special;
      EXPECT_TRUE(Fp32ToFp16(floats.data(), 100, small.data()));
      EXPECT_TRUE(Fp32ToFp16Portably(floats.data(), 100, small.data()));
      EXPECT_TRUE(Fp32ToBf16(floats.data(), 100, small.data()));
    }
  }
}

TEST(Conversion, Bf16KeepsItsBoundAndWhatIsNoNumber) {
  const Floats floats = SomeFloats(100'003);
  Halves small(floats.size());
  Floats back(floats.size());
  Fp32ToBf16(floats.data(), floats.size(), small.data());
  Bf16ToFp32(small.data(), small.size(), back.data());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    if (std::isnan(floats[i])) {
      ASSERT_TRUE(std::isnan(back[i]));
    } else if (std::isnormal(floats[i]) && std::isfinite(back[i])) {
      ASSERT_LE(std::abs(back[i] - floats[i]), std::ldexp(std::abs(floats[i]), -8));
    }
  }
  const Floats ties = {1.0f + std::ldexp(1.0f, -8), 1.0f + 3 * std::ldexp(1.0f, -8)};
  Fp32ToBf16(ties.data(), 2, small.data());
  EXPECT_EQ(small[0], 0x3f80);
  EXPECT_EQ(small[1], 0x3f82);
}

TEST(Conversion, Uint8KeepsHalfAStepWithinItsRangeAndIsClampedBeyond) {
  constexpr Quantization kQuantization{0.05f, 100};
  const float least = 0.05f * (0 - 100), most = 0.05f * (255 - 100);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> within(least, most);
  Floats floats(10'007);
  for (float& value : floats) value = within(random);
  std::vector<std::uint8_t> small(floats.size());
  Floats back(floats.size());
  ASSERT_TRUE(Fp32ToUint8(floats.data(), floats.size(), kQuantization, small.data()));
  Uint8ToFp32(small.data(), small.size(), kQuantization, back.data());
  for (std::size_t i = 0; i < floats.size(); ++i) ASSERT_LE(std::abs(back[i] - floats[i]), 0.02501f) << floats[i];

  const Floats beyond = {-1e30f, 1e30f, -kInfinity, kInfinity, 0.0f};
  ASSERT_TRUE(Fp32ToUint8(beyond.data(), beyond.size(), kQuantization, small.data()));
  EXPECT_EQ(small[0], 0);
  EXPECT_EQ(small[1], 255);
  EXPECT_EQ(small[2], 0);
  EXPECT_EQ(small[3], 255);
  EXPECT_EQ(small[4], 100);
  EXPECT_FALSE(Fp32ToUint8(&kNan, 1, kQuantization, small.data()));
}

TEST(Conversion, TakesBytesThatBeginAnywhere) {
  const Floats floats = SomeFloats(100);
  std::vector<std::byte> from(401), to(201), back(401);
  std::memcpy(from.data() + 1, floats.data(), 400);
  Halves aligned(100);
  Fp32ToFp16(floats.data(), 100, aligned.data());
  Fp32ToFp16(from.data() + 1, 100, to.data() + 1);
  EXPECT_EQ(std::memcmp(to.data() + 1, aligned.data(), 200), 0);
  Fp16ToFp32(to.data() + 1, 100, back.data() + 1);
  const Floats want = ToFloats(aligned);
  EXPECT_EQ(std::memcmp(back.data() + 1, want.data(), 400), 0);
}

}  // namespace
}  // namespace edl
