// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/script_model.h"

#include <torch/script.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/script_file.h"
#include "tests/support/torch_devices.h"

namespace edl {
namespace {

using test::SaveScript;
using ::testing::HasSubstr;

ModelInfo Info() {
  return {"doubler", "1", "", {{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1, 2}}}};
}

constexpr char kDoubler[] = "def forward(self, x: Tensor) -> Tensor:\n    return x * self.weight\n";

Tensor Floats(Shape shape, std::vector<float> values) {
  return Tensor::FromVector<float>(std::move(shape), std::move(values)).value();
}

std::vector<float> ValuesOf(const Tensor& tensor) {
  return {tensor.data_as<float>(), tensor.data_as<float>() + tensor.element_count()};
}

std::string WhyNot(const std::string& file, const ModelInfo& info, const ScriptModelOptions& options = {}) {
  return LoadScriptModel(file, info, options).status().ToString();
}

class ScriptModelOn : public ::testing::TestWithParam<std::string> {
 protected:
  const ScriptModelOptions options_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Every, ScriptModelOn, ::testing::ValuesIn(test::TorchDevices()),
                         [](const auto& on) { return on.param; });

TEST_P(ScriptModelOn, ComputesWhatItsForwardSays) {
  auto model = LoadScriptModel(SaveScript(kDoubler), Info(), options_);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().platform, "pytorch_torchscript");
  auto outputs = (*model)->Infer({Floats({2, 2}, {1, 2, 3, 4})});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(ValuesOf((*outputs)[0]), (std::vector<float>{2, 4, 6, 8}));
}

TEST_P(ScriptModelOn, SeveralOutputsComeAsATupleAListOrADictionary) {
  ModelInfo info = Info();
  info.outputs = {{"sum", DType::kFp32, {-1}}, {"twice", DType::kFp32, {-1, 2}}};
  for (const char* forward : {
           "def forward(self, x: Tensor):\n    return x.sum(1), x * self.weight\n",
           "def forward(self, x: Tensor):\n    return [x.sum(1), x * self.weight]\n",
           "def forward(self, x: Tensor):\n    return {'twice': x * self.weight, 'more': x, 'sum': x.sum(1)}\n",
       }) {
    auto model = LoadScriptModel(SaveScript(forward), info, options_);
    ASSERT_TRUE(model.ok()) << forward << model.status();
    auto outputs = (*model)->Infer({Floats({1, 2}, {1, 2})});
    ASSERT_TRUE(outputs.ok()) << forward << outputs.status();
    EXPECT_EQ(ValuesOf((*outputs)[0]), std::vector<float>{3}) << forward;
    EXPECT_EQ(ValuesOf((*outputs)[1]), (std::vector<float>{2, 4})) << forward;
  }
}

TEST_P(ScriptModelOn, Uint8ImagesGoInAsTheyAreAndTheModelNormalisesThem) {
  ModelInfo info{"m", "1", "", {{"image", DType::kUint8, {-1, 2}}}, {{"score", DType::kFp32, {-1, 2}}}};
  auto model = LoadScriptModel(SaveScript("def forward(self, image: Tensor) -> Tensor:\n    return image / 255.0\n"),
                               info, options_);
  ASSERT_TRUE(model.ok()) << model.status();
  auto outputs = (*model)->Infer({Tensor::FromVector<std::uint8_t>({1, 2}, {0, 255}).value()});
  EXPECT_EQ(ValuesOf((*outputs)[0]), (std::vector<float>{0, 1}));
}

TEST(ScriptModel, ServesEvaluationModeWhateverItWasSavedIn) {
  ModelInfo info = Info();
  info.inputs[0].shape = info.outputs[0].shape = {-1, 1000};
  constexpr char kDropout[] =
      "def forward(self, x: Tensor) -> Tensor:\n    return torch.dropout(x, 0.5, self.training)\n";
  auto model = LoadScriptModel(SaveScript(kDropout), info);
  ASSERT_TRUE(model.ok()) << model.status();
  auto outputs = (*model)->Infer({Floats({1, 1000}, std::vector<float>(1000, 1))});
  EXPECT_EQ(ValuesOf((*outputs)[0]), std::vector<float>(1000, 1));
}

TEST_P(ScriptModelOn, ThreadsShareItsWeights) {
  auto model = LoadScriptModel(SaveScript(kDoubler), Info(), options_).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&model, t] {
      for (int i = 0; i < 100; ++i) {
        const auto value = static_cast<float>(100 * t + i);
        auto outputs = model->Infer({Floats({1, 2}, {value, value})});
        ASSERT_TRUE(outputs.ok()) << outputs.status();
        ASSERT_EQ(ValuesOf((*outputs)[0]), (std::vector<float>{2 * value, 2 * value}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ScriptModel, WhatItsForwardThrowsIsTheStatusOfThatCallAlone) {
  ModelInfo info = Info();
  constexpr char kPicky[] =
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    assert x.size(0) == 1, 'one row at a time, please'\n"
      "    return x\n";
  auto model = LoadScriptModel(SaveScript(kPicky), info).value();
  EXPECT_THAT(model->Infer({Floats({2, 2}, {1, 2, 3, 4})}).status().ToString(), HasSubstr("one row at a time, please"));
  EXPECT_TRUE(model->Infer({Floats({1, 2}, {1, 2})}).ok());
}

// A bad request ends a training; a lost device, of which libtorch tells by the same exception, must not.
TEST(ScriptModel, WhatForwardOrItsDeviceComplainsOfIsNoBadRequest) {
  ScriptModelOptions trusting;
  trusting.self_check = false;
  for (const char* forward : {
           "def forward(self, x: Tensor) -> Tensor:\n    return torch.matmul(x, x)\n",          // c10::Error
           "def forward(self, x: Tensor) -> Tensor:\n    return x.to(torch.device('meta'))\n",  // while it is copied
           "def forward(self, x: Tensor) -> Tensor:\n    return x.to_sparse()\n",
       }) {
    auto model = LoadScriptModel(SaveScript(forward), Info(), trusting);
    ASSERT_TRUE(model.ok()) << forward << model.status();
    const absl::Status status = (*model)->Infer({Floats({1, 2}, {1, 2})}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << forward << status;
  }
}

TEST(ScriptModel, AnInputThatLibtorchCannotHoldIsABadRequest) {
  auto model = LoadScriptModel(SaveScript(kDoubler), Info()).value();
  EXPECT_EQ(model->Infer({Tensor::FromStrings({1}, {"text"}).value()}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ScriptModel, AWrongDescriptionIsFoundBeforeItServes) {
  const std::string file = SaveScript(kDoubler);
  ModelInfo info = Info();
  info.outputs[0].shape = {-1, 10};
  EXPECT_THAT(WhyNot(file, info), HasSubstr("gave FP32 [1, 2] as output 'y', which is described as y FP32 [-1, 10]"));
  info = Info();
  info.outputs[0].dtype = DType::kInt64;
  EXPECT_THAT(WhyNot(file, info), HasSubstr("described as y INT64"));
  info = Info();
  info.outputs.push_back({"z", DType::kFp32, {-1}});
  EXPECT_THAT(WhyNot(file, info), HasSubstr("expected 2 tensors"));
  info = Info();
  info.inputs.push_back({"z", DType::kFp32, {-1}});
  EXPECT_THAT(WhyNot(file, info), HasSubstr("forward"));
  ScriptModelOptions trusting;
  trusting.self_check = false;
  EXPECT_TRUE(LoadScriptModel(file, info, trusting).ok());
}

TEST(ScriptModel, SaysWhyItCannotBeLoaded) {
  EXPECT_THAT(WhyNot("/no/such/file.pt", Info()), HasSubstr("NOT_FOUND: cannot read model file '/no/such/file.pt'"));
  const std::string text = ::testing::TempDir() + "/not_a_model.pt";
  std::ofstream(text) << "hello";
  EXPECT_THAT(WhyNot(text, Info()), HasSubstr("is no TorchScript file"));
  const std::string file = SaveScript(kDoubler);
  EXPECT_THAT(WhyNot(file, Info(), {"gpu0"}), HasSubstr("device 'gpu0': expected cpu, cuda or cuda:N"));
  EXPECT_THAT(WhyNot(file, Info(), {"cuda:99"}), HasSubstr("FAILED_PRECONDITION: device 'cuda:99'"));
  ModelInfo info = Info();
  info.inputs[0].dtype = DType::kBytes;
  EXPECT_THAT(WhyNot(file, info), HasSubstr("libtorch has no such data type"));
}

}  // namespace
}  // namespace edl
