// SPDX-License-Identifier: Apache-2.0
// The installed edl::testing and edl::edl distil together: every batch comes back with its soft label.
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/testing/fake_teacher.h"

namespace {

// Answers each value with its double.
absl::StatusOr<std::vector<edl::Tensor>> Double(const std::vector<edl::Tensor>& inputs) {
  const edl::Tensor& x = inputs[0];
  std::vector<float> doubled(x.data_as<float>(), x.data_as<float>() + x.element_count());
  for (float& value : doubled) value *= 2;
  absl::StatusOr<edl::Tensor> y = edl::Tensor::FromVector<float>(x.shape(), std::move(doubled));
  if (!y.ok()) return y.status();
  return std::vector<edl::Tensor>{*std::move(y)};
}

void Run() {
  edl::ModelInfo info;
  info.name = "double";
  info.inputs = {{"x", edl::DType::kFp32, {-1, 2}}};
  info.outputs = {{"y", edl::DType::kFp32, {-1, 2}}};
  std::unique_ptr<edl::testing::FakeTeacher> teacher = edl::testing::FakeTeacher::Start(info, Double).value();

  std::vector<edl::Fields> source;
  for (int i = 0; i < 10; ++i) {
    float value = static_cast<float>(i);
    source.push_back({edl::Tensor::FromVector<float>({2, 2}, {value, value, value, value}).value()});
  }
  edl::ReaderOptions options;
  options.fields = {"x"};
  options.predictions = {"y"};
  auto reader =
      edl::DistillReader::Create(edl::FromBatches(source), edl::FixedTeachers({teacher->endpoint()}), options);
  int batches = 0;
  for (auto& batch : reader.value()->Epoch()) {
    float x = batch.value().at("x").data_as<float>()[3];
    float y = batch->at("y").data_as<float>()[3];
    if (y != 2 * x) throw std::runtime_error("a soft label of another row");
    ++batches;
  }
  if (batches != 10) throw std::runtime_error("batches lost");
}

}  // namespace

int main() {
  try {
    Run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
