// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/tensor.h"

#include <torch/torch.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

TEST(TorchTensor, SharesItsBytesBothWays) {
  torch::Tensor scores = torch::rand({4, 10});
  Tensor tensor = FromTorch(scores).value();
  EXPECT_EQ(tensor.ToString(), "FP32 [4, 10]");
  EXPECT_EQ(tensor.data(), scores.data_ptr());
  torch::Tensor back = ToTorch(tensor).value();
  EXPECT_EQ(back.data_ptr(), scores.data_ptr());
  EXPECT_TRUE(torch::equal(back, scores));
}

TEST(TorchTensor, EitherSideKeepsTheBytesAlive) {
  std::weak_ptr<const void> bytes;
  torch::Tensor last;
  {
    auto owner = std::make_shared<std::vector<float>>(6, 3.0F);
    bytes = owner;
    Tensor tensor = Tensor::Wrap(DType::kFp32, {2, 3}, owner->data(), 24, owner).value();
    last = ToTorch(tensor).value();
  }
  EXPECT_FALSE(bytes.expired());
  EXPECT_EQ(last.sum().item<float>(), 18.0F);
  last = torch::Tensor();
  EXPECT_TRUE(bytes.expired());

  Tensor kept = FromTorch(torch::full({3}, 7, torch::kLong)).value();  // the torch::Tensor is gone
  EXPECT_EQ(kept.data_as<std::int64_t>()[2], 7);
}

TEST(TorchTensor, EveryDTypeThatBothHaveSurvivesBothWays) {
  for (auto type : {torch::kBool, torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32, torch::kInt64,
                    torch::kFloat16, torch::kBFloat16, torch::kFloat32, torch::kFloat64}) {
    torch::Tensor tensor = torch::randint(0, 2, {3, 2}).to(type);
    torch::Tensor back = ToTorch(FromTorch(tensor).value()).value();
    EXPECT_EQ(back.scalar_type(), type);
    EXPECT_TRUE(torch::equal(back, tensor)) << type;
  }
}

TEST(TorchTensor, WhatLibtorchLacksIsAnErrorThatNamesIt) {
  for (DType dtype : {DType::kUint16, DType::kUint32, DType::kUint64}) {
    Tensor tensor = Tensor::Copy(dtype, {1}, "\0\0\0\0\0\0\0", DTypeSize(dtype)).value();
    EXPECT_EQ(ToTorch(tensor).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(ToTorch(tensor).status().message()), HasSubstr(DTypeName(dtype)));
  }
  EXPECT_FALSE(ToTorch(Tensor::FromStrings({1}, {"text"}).value()).ok());
}

TEST(TorchTensor, WhatTheProtocolLacksIsAnErrorThatNamesIt) {
  EXPECT_THAT(std::string(FromTorch(torch::zeros({2}, torch::kComplexFloat)).status().message()), HasSubstr("Complex"));
  EXPECT_FALSE(FromTorch(torch::zeros({2, 2}).to_sparse()).ok());
  EXPECT_FALSE(FromTorch(torch::quantize_per_tensor(torch::zeros({2}), 1.0, 0, torch::kQInt8)).ok());
  EXPECT_THAT(std::string(FromTorch(torch::Tensor()).status().message()), HasSubstr("undefined"));
}

TEST(TorchTensor, StridesAreStraightenedByOneCopy) {
  torch::Tensor columns = torch::arange(6, torch::kInt32).view({2, 3}).t();
  Tensor tensor = FromTorch(columns).value();
  EXPECT_EQ(tensor.shape(), (Shape{3, 2}));
  EXPECT_EQ(std::vector<int>(tensor.data_as<std::int32_t>(), tensor.data_as<std::int32_t>() + 6),
            (std::vector<int>{0, 3, 1, 4, 2, 5}));
}

TEST(TorchTensor, GradientHistoryStaysBehind) {
  torch::Tensor weights = torch::ones({2}, torch::requires_grad());
  EXPECT_FALSE(ToTorch(FromTorch(weights * 2).value())->requires_grad());
}

TEST(TorchTensor, AnOddAddressIsCopiedToAnEvenOne) {
  auto bytes = std::make_shared<std::vector<char>>(1 + 2 * sizeof(double));
  const double values[] = {1.5, -2.5};
  std::memcpy(bytes->data() + 1, values, sizeof values);
  Tensor tensor = Tensor::Wrap(DType::kFp64, {2}, bytes->data() + 1, sizeof values, bytes).value();
  torch::Tensor copy = ToTorch(tensor).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy.data_ptr()) % sizeof(double), 0U);
  EXPECT_EQ(copy[1].item<double>(), -2.5);
}

TEST(TorchTensor, EmptyAndScalarTensorsHaveTheirShapes) {
  EXPECT_EQ(FromTorch(torch::zeros({0, 3})).value().shape(), (Shape{0, 3}));
  EXPECT_EQ(ToTorch(Tensor()).value().numel(), 0);
  EXPECT_EQ(ToTorch(FromTorch(torch::tensor(5.0)).value())->item<double>(), 5.0);
}

}  // namespace
}  // namespace edl
