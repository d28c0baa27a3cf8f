// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/resnet.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

constexpr std::int64_t kStemChannels = 64;

torch::nn::Conv2d NewConv(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride = 1,
                          std::int64_t groups = 1) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).groups(groups).bias(false));
}

std::int64_t OutputsOf(const ResNetSpec& spec, std::int64_t planes) {
  return spec.block == BlockKind::kBottleneck ? 4 * planes : planes;
}

void Check(const ResNetSpec& spec, const ResNetOptions& options) {
  const std::string name = spec.name.empty() ? "a ResNet" : spec.name;
  const bool grouped = spec.groups != 1 || spec.width_per_group != 64;
  if (spec.groups < 1 || spec.width_per_group < 1 || (grouped && spec.block == BlockKind::kBasic)) {
    throw std::invalid_argument(absl::StrCat(name, ": ", spec.groups, " groups of width ", spec.width_per_group,
                                             "; expected 1 or more of either, and 1 of 64 in basic blocks"));
  }
  for (std::int64_t depth : spec.depths) {
    if (depth < 1) {
      throw std::invalid_argument(absl::StrCat(name, ": a stage of ", depth, " blocks; expected 1 or more"));
    }
  }
  if (options.classes < 1) {
    throw std::invalid_argument(absl::StrCat(name, ": ", options.classes, " classes; expected 1 or more"));
  }
}

}  // namespace

BlockImpl::BlockImpl(const ResNetSpec& spec, std::int64_t inputs, std::int64_t planes, std::int64_t stride) {
  const std::int64_t outputs = OutputsOf(spec, planes);
  if (spec.block == BlockKind::kBasic) {
    layers = {{NewConv(inputs, planes, 3, stride)}, {NewConv(planes, planes, 3)}};
  } else {
    const std::int64_t width = planes * spec.width_per_group / 64 * spec.groups;
    layers = {
        {NewConv(inputs, width, 1)}, {NewConv(width, width, 3, stride, spec.groups)}, {NewConv(width, outputs, 1)}};
  }
  int number = 0;
  for (ConvNorm& layer : layers) {
    ++number;
    layer.norm = torch::nn::BatchNorm2d(layer.conv->options.out_channels());
    register_module(absl::StrCat("conv", number), layer.conv);
    register_module(absl::StrCat("bn", number), layer.norm);
  }
  if (stride != 1 || inputs != outputs) AddShortcut(spec.variant, inputs, outputs, stride);
}

void BlockImpl::AddShortcut(Variant variant, std::int64_t inputs, std::int64_t outputs, std::int64_t stride) {
  shortcut = {NewConv(inputs, outputs, 1, variant == Variant::kVd ? 1 : stride), torch::nn::BatchNorm2d(outputs)};
  torch::nn::Sequential downsample;
  if (variant == Variant::kVd && stride != 1) {
    shortcut_pool =
        torch::nn::AvgPool2d(torch::nn::AvgPool2dOptions(2).stride(stride).ceil_mode(true).count_include_pad(false));
    downsample->push_back(shortcut_pool);
  } else if (variant == Variant::kVd) {
    downsample->push_back(torch::nn::Identity());  // keeps the numbers of the others
  }
  downsample->push_back(shortcut.conv);
  downsample->push_back(shortcut.norm);
  register_module("downsample", downsample);
}

torch::Tensor BlockImpl::forward(const torch::Tensor& input) {
  torch::Tensor output = input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    output = layers[i](output);
    if (i + 1 < layers.size()) output.relu_();
  }
  torch::Tensor beside = input;
  if (shortcut_pool) beside = shortcut_pool(beside);
  if (shortcut.conv) beside = shortcut(beside);
  return output.add_(beside).relu_();
}

ResNetImpl::ResNetImpl(const ResNetSpec& spec, const ResNetOptions& options) : spec(spec), options(options) {
  Check(spec, options);
  AddStem();
  pool = register_module("maxpool", torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(2).padding(1)));
  AddStages();
  Initialise();
}

void ResNetImpl::AddStem() {
  if (spec.variant == Variant::kPlain) {
    stem = {{register_module("conv1", NewConv(3, kStemChannels, 7, 2)), nullptr}};
  } else {
    constexpr std::int64_t kHalf = kStemChannels / 2;
    stem = {{NewConv(3, kHalf, 3, 2), torch::nn::BatchNorm2d(kHalf)},
            {NewConv(kHalf, kHalf, 3), torch::nn::BatchNorm2d(kHalf)},
            {NewConv(kHalf, kStemChannels, 3), nullptr}};
    torch::nn::Sequential conv1;
    for (const ConvNorm& layer : stem) {
      conv1->push_back(layer.conv);
      if (!layer.norm) continue;  // of the last, which is bn1
      conv1->push_back(layer.norm);
      conv1->push_back(torch::nn::ReLU());
    }
    register_module("conv1", conv1);
  }
  stem.back().norm = register_module("bn1", torch::nn::BatchNorm2d(kStemChannels));
}

void ResNetImpl::AddStages() {
  std::int64_t channels = kStemChannels;
  for (std::size_t stage = 0; stage < spec.depths.size(); ++stage) {
    const std::int64_t planes = std::int64_t{64} << stage;
    torch::nn::Sequential layer;
    for (std::int64_t i = 0; i < spec.depths[stage]; ++i) {
      blocks.emplace_back(spec, channels, planes, i == 0 && stage > 0 ? 2 : 1);
      layer->push_back(blocks.back());
      channels = OutputsOf(spec, planes);
    }
    register_module(absl::StrCat("layer", stage + 1), layer);
  }
  fc = register_module("fc", torch::nn::Linear(channels, options.classes));
}

void ResNetImpl::Initialise() {
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* conv = module->as<torch::nn::Conv2d>()) {
      torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
    }
  }
  if (!options.zero_last_gamma) return;
  for (Block& block : blocks) torch::nn::init::zeros_(block->layers.back().norm->weight);
}

torch::Tensor ResNetImpl::forward(const torch::Tensor& images) {
  torch::Tensor features = images;
  for (ConvNorm& layer : stem) features = layer(features).relu_();
  features = pool(features);
  for (Block& block : blocks) features = block(features);
  return fc(features.mean(torch::IntArrayRef{2, 3}));
}

std::string ResNetImpl::Describe() const {
  return absl::StrCat(spec.name, " with ", options.classes, options.classes == 1 ? " class" : " classes");
}

void UseChannelsLast(torch::nn::Module& module) {
  for (torch::Tensor& parameter : module.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.data().contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

}  // namespace resnet
