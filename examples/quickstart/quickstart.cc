// SPDX-License-Identifier: Apache-2.0
// Quickstart: a student learns a curve from a teacher that it reaches through an edl::DistillReader.
// The teacher is a fake one in this very process, behind a real socket; nothing else is needed. A real one is a
// program, edl-teacher, on any machine: then only the endpoint in FixedTeachers is another.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/testing/fake_teacher.h"

namespace {

// The teacher knows sin(x). It answers a request x [rows, 1] with score [rows, 1].
absl::StatusOr<std::vector<edl::Tensor>> Teach(const std::vector<edl::Tensor>& inputs) {
  const float* x = inputs[0].data_as<float>();
  std::vector<float> score(x, x + inputs[0].rows());
  for (float& s : score) s = std::sin(s);
  return std::vector<edl::Tensor>{edl::Tensor::FromVector<float>(inputs[0].shape(), score).value()};
}

// Your loader: batches of 64 rows, whose labels are sin(x) with much noise.
std::vector<edl::Fields> LoadBatches() {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> any(-3, 3);
  std::normal_distribution<float> noise(0, 0.5);
  std::vector<edl::Fields> batches;
  for (int b = 0; b < 50; ++b) {
    std::vector<float> x(64), label(64);
    for (int i = 0; i < 64; ++i) label[i] = std::sin(x[i] = any(random)) + noise(random);
    batches.push_back(
        {edl::Tensor::FromVector<float>({64, 1}, x).value(), edl::Tensor::FromVector<float>({64, 1}, label).value()});
  }
  return batches;
}

// The student: a polynomial of degree 5, trained by gradient descent.
class Student {
 public:
  float Predict(float x) const {
    float y = 0;
    for (int i = kTerms - 1; i >= 0; --i) y = y * (x / 3) + weight_[i];
    return y;
  }
  void Learn(float x, float target) {
    const float error = Predict(x) - target;
    float power = 1;
    for (float& w : weight_) {
      w -= 0.02f * error * power;
      power *= x / 3;
    }
  }

 private:
  static constexpr int kTerms = 6;
  float weight_[kTerms] = {};
};

}  // namespace

int main() {
  edl::ModelInfo model{
      "sine", "1", "fake", {{"x", edl::DType::kFp32, {-1, 1}}}, {{"score", edl::DType::kFp32, {-1, 1}}}};
  auto teacher = edl::testing::FakeTeacher::Start(model, Teach).value();

  std::vector<edl::Fields> loader = LoadBatches();
  edl::ReaderOptions options;
  options.fields = {"x", "label"};  // what a batch of the loader carries; the teacher takes x
  options.predictions = {"score"};  // what the teacher answers
  options.num_epochs = 60;
  auto reader =
      edl::DistillReader::Create(edl::FromBatches(loader), edl::FixedTeachers({teacher->endpoint()}), options).value();

  Student student;
  for (int epoch = 0; epoch < options.num_epochs; ++epoch) {
    for (auto& batch : reader->Epoch()) {
      if (!batch.ok()) {
        std::fprintf(stderr, "%s\n", batch.status().ToString().c_str());
        return 1;
      }
      const float* x = batch->at("x").data_as<float>();
      const float* soft_label = batch->at("score").data_as<float>();
      for (int row = 0; row < batch->rows; ++row) student.Learn(x[row], soft_label[row]);
    }
  }

  float worst = 0;
  for (float x = -3; x <= 3; x += 0.1f) worst = std::max(worst, std::fabs(student.Predict(x) - std::sin(x)));
  std::printf("the student is never further than %.3f from its teacher\n\n%s", worst,
              reader->Stats().ToString().c_str());
  return worst < 0.1f ? 0 : 1;
}
