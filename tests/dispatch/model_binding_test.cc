// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/model_binding.h"

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

ModelInfo Resnet() {
  return {"resnet", "3", "", {{"image", DType::kUint8, {-1, 3, 8, 8}}}, {{"score", DType::kFp32, {-1, 10}}}};
}

TEST(ModelBinding, FindsInputsAmongFieldsAndPredictionsAmongOutputs) {
  auto binding = ModelBinding::Bind({"label", "image"}, {"score"}, Resnet());
  ASSERT_TRUE(binding.ok()) << binding.status();
  EXPECT_EQ(binding->inputs().at(0).field, 1u);
  EXPECT_EQ(binding->predictions().at(0).name, "score");
}

TEST(ModelBinding, AFixedBatchDimensionIsRefused) {
  ModelInfo model = Resnet();
  model.inputs[0].shape[0] = 8;
  EXPECT_THAT(ModelBinding::Bind({"image"}, {"score"}, model).status().message(),
              HasSubstr("takes no variable number of rows; expected a batch dimension of -1"));
  model.inputs[0].shape = {};
  EXPECT_FALSE(ModelBinding::Bind({"image"}, {"score"}, model).ok());
}

TEST(ModelBinding, IsTheSameModelByNameVersionInputsAndOutputs) {
  ModelBinding binding = ModelBinding::Bind({"image"}, {"score"}, Resnet()).value();
  EXPECT_TRUE(binding.CheckSame(Resnet()).ok());
  ModelInfo other = Resnet();
  other.platform = "another server";
  EXPECT_TRUE(binding.CheckSame(other).ok());
  other = Resnet();
  other.version = "4";
  EXPECT_EQ(binding.CheckSame(other).code(), absl::StatusCode::kFailedPrecondition);
  other = Resnet();
  other.outputs[0].shape = {-1, 11};
  EXPECT_FALSE(binding.CheckSame(other).ok());
}

TEST(ModelBinding, ARowFitsAsItIsOrBySize) {
  const TensorSpec fixed{"image", DType::kUint8, {-1, 3, 8, 8}};
  const TensorSpec any{"text", DType::kInt64, {-1, -1, 4}};
  EXPECT_EQ(FitRow(fixed, DType::kUint8, {3, 8, 8}).value(), (Shape{3, 8, 8}));
  EXPECT_EQ(FitRow(fixed, DType::kUint8, {192}).value(), (Shape{3, 8, 8}));
  EXPECT_EQ(FitRow(any, DType::kInt64, {7, 4}).value(), (Shape{7, 4}));
  EXPECT_FALSE(FitRow(any, DType::kInt64, {28}).ok()) << "by size only where the size is known";
  EXPECT_THAT(FitRow(fixed, DType::kUint8, {3, 8, 9}).status().message(), HasSubstr("has rows of shape [3, 8, 9]"));
  EXPECT_THAT(FitRow(fixed, DType::kFp32, {3, 8, 8}).status().message(), HasSubstr("is FP32, but the teacher takes"));
}

}  // namespace
}  // namespace edl
