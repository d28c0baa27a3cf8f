// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/finite_check.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

// `values` in fragments of `piece` bytes, so that elements lie across them.
template <typename T>
WireTensor InPieces(DType dtype, const std::vector<T>& values, std::size_t piece) {
  WireTensor tensor{{"score", dtype, {static_cast<std::int64_t>(values.size())}}, {}};
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  for (std::size_t at = 0, size = values.size() * sizeof(T); at < size; at += piece) {
    tensor.fragments.push_back({bytes + at, std::min(piece, size - at), nullptr});
  }
  return tensor;
}

template <typename T>
void ExpectFindsEach(DType dtype, T good, const std::vector<T>& bad) {
  constexpr std::size_t kElements = 2500;
  for (std::size_t piece : {1ul, 3ul, 8ul, 1000ul, kElements * sizeof(T)}) {
    std::vector<T> values(kElements, good);
    EXPECT_TRUE(CheckFinite(InPieces(dtype, values, piece)).ok());
    for (std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{1023}, std::size_t{1024}, kElements - 1}) {
      for (T value : bad) {
        values[at] = value;
        EXPECT_THAT(CheckFinite(InPieces(dtype, values, piece)).message(),
                    HasSubstr("element " + std::to_string(at) + " is infinite or not a number"));
        values[at] = good;
      }
    }
  }
}

TEST(FiniteCheck, FindsTheFirstOfEachDtypeHoweverTheBytesArrived) {
  const float inf = std::numeric_limits<float>::infinity();
  ExpectFindsEach<float>(DType::kFp32, std::numeric_limits<float>::max(), {inf, -inf, std::nanf("")});
  ExpectFindsEach<double>(DType::kFp64, -std::numeric_limits<double>::max(), {inf, -inf, std::nan("")});
  ExpectFindsEach<std::uint16_t>(DType::kFp16, 0x7bff, {0x7c00, 0xfc00, 0x7e00});
  ExpectFindsEach<std::uint16_t>(DType::kBf16, 0x7f7f, {0x7f80, 0xff80, 0x7fc0});
}

TEST(FiniteCheck, OtherDtypesPass) {
  EXPECT_TRUE(CheckFinite(InPieces<std::int32_t>(DType::kInt32, {-1, 0x7fc0'0000}, 8)).ok());
}

}  // namespace
}  // namespace edl
