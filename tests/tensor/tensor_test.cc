// SPDX-License-Identifier: Apache-2.0
#include "edl/tensor.h"

#include <cstring>

#include "gtest/gtest.h"
#include "src/tensor/wire_tensor.h"

namespace edl {
namespace {

TEST(DType, EveryNameParsesBackToItself) {
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    auto dtype = static_cast<DType>(i);
    EXPECT_EQ(ParseDType(DTypeName(dtype)), dtype);
  }
  EXPECT_EQ(ParseDType("FLOAT"), std::nullopt);
}

TEST(ElementCount, RefusesNegativeAndOverflowingShapes) {
  EXPECT_EQ(*ElementCount({}), 1);
  EXPECT_EQ(*ElementCount({3, 0, 5}), 0);
  EXPECT_EQ(ElementCount({-1, 3}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ElementCount({std::int64_t{1} << 40, std::int64_t{1} << 40}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Tensor, SaysHowManyBytesItsShapeTakes) {
  float values[5] = {};
  absl::StatusOr<Tensor> tensor = Tensor::Wrap(DType::kFp32, {2, 3}, values, sizeof values, nullptr);
  EXPECT_EQ(tensor.status().message(), "FP32 tensor of shape [2, 3] takes 6 x 4 bytes, got 20");
}

TEST(Tensor, RowsShareTheBytes) {
  Tensor tensor = Tensor::FromVector<std::int32_t>({3, 2}, {0, 1, 2, 3, 4, 5}).value();
  Tensor rows = tensor.Rows(1, 3).value();
  EXPECT_EQ(rows.shape(), (Shape{2, 2}));
  EXPECT_EQ(rows.data_as<std::int32_t>(), tensor.data_as<std::int32_t>() + 2);
  Tensor row = tensor.Row(2).value();
  EXPECT_EQ(row.shape(), Shape{2});
  EXPECT_EQ(row.data_as<std::int32_t>()[0], 4);
  EXPECT_EQ(tensor.Row(3).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Tensor, WithoutElementsMayHaveDimensionsWhoseProductOverflows) {
  const std::int64_t big = std::int64_t{1} << 62;
  Tensor tensor = Tensor::Wrap(DType::kFp64, {2, big, 4, 0}, nullptr, 0, nullptr).value();
  EXPECT_EQ(tensor.element_count(), 0);
  EXPECT_EQ(tensor.Rows(1, 2)->shape(), (Shape{1, big, 4, 0}));
  EXPECT_EQ(tensor.Reshape({0})->byte_size(), 0u);
}

TEST(Tensor, AScalarHasNoRows) {
  Tensor scalar = Tensor::FromVector<float>({}, {1}).value();
  EXPECT_EQ(scalar.Rows(0, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(scalar.Row(0).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Tensor, RowsOfStringsAreFoundByTheirLengths) {
  Tensor tensor = Tensor::FromStrings({3}, {"a", "", "long string"}).value();
  EXPECT_EQ(tensor.Rows(1, 3)->ToStrings().value(), (std::vector<std::string>{"", "long string"}));
  EXPECT_EQ(tensor.Row(0)->ToStrings().value(), std::vector<std::string>{"a"});
}

TEST(Tensor, RefusesStringsWhoseLengthsDoNotAddUp) {
  const char bytes[] = {9, 0, 0, 0, 'x'};
  EXPECT_EQ(Tensor::Wrap(DType::kBytes, {1}, bytes, sizeof bytes, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  const char longer[] = {0, 0, 0, 0, 'x'};
  EXPECT_EQ(Tensor::Wrap(DType::kBytes, {1}, longer, sizeof longer, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Tensor, GivesItsElementsOnlyAsItsOwnType) {
  Tensor tensor = Tensor::FromVector<float>({1}, {1.5f}).value();
  EXPECT_EQ(*tensor.data_as<float>(), 1.5f);
  EXPECT_EQ(tensor.data_as<double>(), nullptr);
}

TEST(Join, PutsPartsBehindEachOther) {
  WireTensor a = ToWireTensor("x", Tensor::FromVector<float>({2, 1}, {1, 2}).value());
  WireTensor b = ToWireTensor("x", Tensor::FromVector<float>({1, 1}, {3}).value());
  Tensor joined = Join({&a, &b}).value();
  EXPECT_EQ(joined.shape(), (Shape{3, 1}));
  EXPECT_EQ(joined.data_as<float>()[2], 3.0f);
}

TEST(Join, BorrowsASinglePart) {
  Tensor tensor = Tensor::FromVector<float>({2, 1}, {1, 2}).value();
  WireTensor part = ToWireTensor("x", tensor);
  EXPECT_EQ(Join({&part})->data(), tensor.data());
}

TEST(Join, RefusesPartsOfDifferentRowShape) {
  WireTensor a = ToWireTensor("x", Tensor::FromVector<float>({1, 2}, {1, 2}).value());
  WireTensor b = ToWireTensor("x", Tensor::FromVector<float>({1, 1}, {3}).value());
  EXPECT_EQ(Join({&a, &b}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace edl
