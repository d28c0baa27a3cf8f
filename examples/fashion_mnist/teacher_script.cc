// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/teacher_script.h"

#include <string>

namespace fashion_mnist {
namespace {

// Must follow TeacherImpl::forward.
constexpr const char* kForward = R"(
def forward(self, image: Tensor) -> Tensor:
    x = (image / 255.0 - self.pixel_mean) / self.pixel_deviation
    x = torch.relu(torch.conv2d(x, self.stem_weight, self.stem_bias, [2, 2], [2, 2]))
    x = x + torch.relu(torch.conv2d(x, self.middle_weight, self.middle_bias, [1, 1], [1, 1]))
    x = torch.relu(torch.conv2d(x, self.down_weight, self.down_bias, [2, 2], [1, 1]))
    x = x + torch.relu(torch.conv2d(x, self.deep1_weight, self.deep1_bias, [1, 1], [1, 1]))
    x = x + torch.relu(torch.conv2d(x, self.deep2_weight, self.deep2_bias, [1, 1], [1, 1]))
    return torch.linear(torch.amax(x, [2, 3]), self.head_weight, self.head_bias)
)";

void RegisterFolded(torch::jit::Module& script, const std::string& name, const ConvBlock& block) {
  const torch::nn::BatchNorm2d& norm = block->norm;
  const torch::Tensor scale = norm->weight / torch::sqrt(norm->running_var + norm->options.eps());
  const torch::Tensor weight = block->convolution->weight * scale.view({-1, 1, 1, 1});
  script.register_parameter(name + "_weight", weight.contiguous(torch::MemoryFormat::ChannelsLast), false);
  script.register_parameter(name + "_bias", norm->bias - norm->running_mean * scale, false);
}

}  // namespace

torch::jit::Module MakeTeacherScript(Teacher& teacher) {
  // Parameters registered under NoGradGuard come out as leaves that ask for no gradient: a teacher is never trained on.
  const torch::NoGradGuard no_grad;
  torch::jit::Module script("fashion_mnist_teacher");
  RegisterFolded(script, "stem", teacher->stem);
  RegisterFolded(script, "middle", teacher->middle);
  RegisterFolded(script, "down", teacher->down);
  RegisterFolded(script, "deep1", teacher->deep1);
  RegisterFolded(script, "deep2", teacher->deep2);
  script.register_parameter("head_weight", teacher->head->weight.detach().clone(), false);
  script.register_parameter("head_bias", teacher->head->bias.detach().clone(), false);
  script.register_attribute("pixel_mean", c10::FloatType::get(), kPixelMean);
  script.register_attribute("pixel_deviation", c10::FloatType::get(), kPixelDeviation);
  script.define(kForward);
  script.eval();
  return script;
}

}  // namespace fashion_mnist
