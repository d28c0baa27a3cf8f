// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/teacher_script.h"

#include <array>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "examples/resnet50_vd/replace_file.h"
#include "nlohmann/json.hpp"

namespace resnet {
namespace {

// On the CPU and in doubles, so that what is computed from it rounds once.
torch::Tensor Exact(const torch::Tensor& tensor) {
  return tensor.detach().to(torch::kCPU, torch::kFloat64);
}

// "[2, 2]"
std::string ListOf(const std::array<std::int64_t, 2>& sizes) {
  return absl::StrCat("[", sizes[0], ", ", sizes[1], "]");
}

std::string Relu(const std::string& value) {
  return absl::StrCat("torch.relu(", value, ")");
}

// Collects the source of forward, and the weights that it names.
class ScriptWriter {
 public:
  explicit ScriptWriter(const std::string& name)
      : script_(name), source_("def forward(self, image: Tensor) -> Tensor:\n") {}

  void Assign(const std::string& variable, const std::string& expression) {
    absl::StrAppend(&source_, "    ", variable, " = ", expression, "\n");
  }

  // Keeps the tensor, as float32; the expression for it.
  std::string Constant(const std::string& name, const torch::Tensor& tensor) {
    script_.register_parameter(name, tensor.to(torch::kFloat32), /*is_buffer=*/false);
    return absl::StrCat("self.", name);
  }

  // The expression for what the layer makes of `input`.
  std::string Apply(const ConvNorm& layer, const std::string& input) {
    const std::string name = absl::StrCat("conv", ++conv_count_);
    const torch::Tensor scale =
        Exact(layer.norm->weight) / torch::sqrt(Exact(layer.norm->running_var) + layer.norm->options.eps());
    const torch::Tensor weight = Exact(layer.conv->weight) * scale.view({-1, 1, 1, 1});
    const torch::Tensor bias = Exact(layer.norm->bias) - Exact(layer.norm->running_mean) * scale;
    const auto& options = layer.conv->options;
    const std::array<std::int64_t, 2>& kernel = *options.kernel_size();
    const std::vector<std::string> arguments = {
        input,
        Constant(absl::StrCat(name, "_weight"), weight.contiguous(torch::MemoryFormat::ChannelsLast)),
        Constant(absl::StrCat(name, "_bias"), bias),
        ListOf(*options.stride()),
        ListOf({kernel[0] / 2, kernel[1] / 2}),
        ListOf(*options.dilation()),
        absl::StrCat(options.groups())};
    return absl::StrCat("torch.conv2d(", absl::StrJoin(arguments, ", "), ")");
  }

  torch::jit::Module Finish(const std::string& result) {
    absl::StrAppend(&source_, "    return ", result, "\n");
    script_.define(source_);
    script_.eval();
    return script_;
  }

 private:
  torch::jit::Module script_;
  std::string source_;
  int conv_count_ = 0;
};

// Must follow BlockImpl::forward.
void WriteBlock(const Block& block, ScriptWriter& script) {
  std::string value = "x";
  for (std::size_t i = 0; i < block->layers.size(); ++i) {
    const std::string output = script.Apply(block->layers[i], value);
    script.Assign("y", i + 1 < block->layers.size() ? Relu(output) : output);
    value = "y";
  }
  if (block->shortcut_pool) {
    const auto& options = block->shortcut_pool->options;
    script.Assign(
        "x", absl::StrCat("torch.avg_pool2d(x, ", ListOf(*options.kernel_size()), ", ", ListOf(*options.stride()), ", ",
                          ListOf(*options.padding()), ", ", options.ceil_mode() ? "True" : "False", ", ",
                          options.count_include_pad() ? "True" : "False", ")"));
  }
  if (block->shortcut.conv) script.Assign("x", script.Apply(block->shortcut, "x"));
  script.Assign("x", Relu("y + x"));
}

nlohmann::ordered_json DescribeTensor(const char* name, const char* datatype, const std::vector<std::int64_t>& shape) {
  nlohmann::ordered_json tensor;
  tensor["name"] = name;
  tensor["datatype"] = datatype;
  tensor["shape"] = shape;
  return tensor;
}

}  // namespace

// Must follow ResNetImpl::forward.
torch::jit::Module MakeTeacherScript(const ResNet& network, PixelLayout layout) {
  // Parameters registered under NoGradGuard come out as leaves that ask for no gradient: a teacher is never trained on.
  const torch::NoGradGuard no_grad;
  ScriptWriter script("ResNet");
  const std::string planes = layout == PixelLayout::kNhwc ? "torch.permute(image, [0, 3, 1, 2])" : "image";
  const std::string scale = script.Constant("pixel_scale", PixelScale());
  const std::string offset = script.Constant("pixel_offset", PixelOffset());
  script.Assign("x", absl::StrCat(planes, " * ", scale, " - ", offset));
  for (const ConvNorm& layer : network->stem) script.Assign("x", Relu(script.Apply(layer, "x")));
  const auto& pool = network->pool->options;
  script.Assign("x", absl::StrCat("torch.max_pool2d(x, ", ListOf(*pool.kernel_size()), ", ", ListOf(*pool.stride()),
                                  ", ", ListOf(*pool.padding()), ")"));
  for (const Block& block : network->blocks) WriteBlock(block, script);
  const std::string weight = script.Constant("fc_weight", Exact(network->fc->weight));
  const std::string bias = script.Constant("fc_bias", Exact(network->fc->bias));
  return script.Finish(absl::StrCat("torch.linear(torch.mean(x, [2, 3]), ", weight, ", ", bias, ")"));
}

std::string MakeSidecar(const ResNet& network, PixelLayout layout, std::int64_t image_size) {
  std::vector<std::int64_t> shape = {-1, 3, image_size, image_size};
  if (layout == PixelLayout::kNhwc) shape = {-1, image_size, image_size, 3};
  nlohmann::ordered_json sidecar;
  sidecar["name"] = network->spec.name;
  sidecar["inputs"].push_back(DescribeTensor("image", "UINT8", shape));
  sidecar["outputs"].push_back(DescribeTensor("score", "FP32", {-1, network->options.classes}));
  return sidecar.dump(2) + "\n";
}

void ExportTeacher(const ResNet& network, PixelLayout layout, std::int64_t image_size,
                   const std::filesystem::path& file) {
  const torch::jit::Module script = MakeTeacherScript(network, layout);
  ReplaceFile(file.string() + ".json", [&](const std::string& temporary) {
    std::ofstream stream(temporary);
    stream << MakeSidecar(network, layout, image_size);
    if (!stream.flush()) throw std::runtime_error(absl::StrCat("cannot write '", file.string(), ".json'"));
  });
  ReplaceFile(file, [&](const std::string& temporary) { script.save(temporary); });
}

}  // namespace resnet
