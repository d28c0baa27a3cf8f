// SPDX-License-Identifier: Apache-2.0
#include "examples/text_sentiment/teacher.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include "absl/strings/substitute.h"
#include "torch/torch.h"

namespace text_sentiment {
namespace {

// Padding is zero in every layer, as what a convolution sees beyond an edge: a text's logits do not depend on how long
// its batch is. After a ReLU nothing is below zero, so the maximum is that of the text, too.
constexpr const char* kForward = R"(
def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
    inside = (torch.arange(tokens.size(1), device=tokens.device).unsqueeze(0) < lengths.unsqueeze(1)).unsqueeze(1)
    x = torch.embedding(self.bytes, tokens).transpose(1, 2) * inside
    x = torch.relu(torch.conv1d(x, self.stem_weight, self.stem_bias, [1], [2])) * inside
    x = x + torch.relu(torch.conv1d(x, self.middle_weight, self.middle_bias, [1], [2])) * inside
    x = x + torch.relu(torch.conv1d(x, self.deep_weight, self.deep_bias, [1], [2])) * inside
    return torch.linear(torch.amax(x, [2]), self.head_weight, self.head_bias)
)";

constexpr const char* kSidecar = R"({
  "name": "text_sentiment_teacher",
  "inputs": [
    {"name": "tokens", "datatype": "INT32", "shape": [-1, -1]},
    {"name": "lengths", "datatype": "INT32", "shape": [-1]}
  ],
  "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, $0]}]
}
)";

}  // namespace

torch::jit::Module NewTeacher(std::int64_t classes) {
  constexpr std::int64_t kKernel = 5;
  torch::jit::Module teacher("text_sentiment_teacher");
  // He et al. 2015
  auto add_weight = [&](const std::string& name, torch::IntArrayRef shape) {
    torch::Tensor weight = torch::nn::init::kaiming_normal_(torch::empty(shape));
    teacher.register_parameter(name, weight.requires_grad_(), false);
  };
  auto add_layer = [&](const std::string& name, torch::IntArrayRef shape) {
    add_weight(name + "_weight", shape);
    teacher.register_parameter(name + "_bias", torch::zeros({shape[0]}).requires_grad_(), false);
  };
  add_weight("bytes", {256, kTeacherEmbedding});
  add_layer("stem", {kTeacherChannels, kTeacherEmbedding, kKernel});
  add_layer("middle", {kTeacherChannels, kTeacherChannels, kKernel});
  add_layer("deep", {kTeacherChannels, kTeacherChannels, kKernel});
  add_layer("head", {classes, kTeacherChannels});
  teacher.define(kForward);
  return teacher;
}

void SaveTeacher(const torch::jit::Module& teacher, std::int64_t classes, const std::filesystem::path& file) {
  teacher.save(file.string());
  const std::string sidecar = file.string() + ".json";
  std::ofstream out(sidecar);
  out << absl::Substitute(kSidecar, classes);
  if (!out.flush()) throw std::runtime_error("cannot write " + sidecar);
}

}  // namespace text_sentiment
