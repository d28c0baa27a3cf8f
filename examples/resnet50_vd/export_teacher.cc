// SPDX-License-Identifier: Apache-2.0
// export_teacher: a network of the ResNet family and its weights, as the TorchScript file that edl-teacher serves.
#include <torch/torch.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "examples/resnet50_vd/teacher_script.h"
#include "examples/resnet50_vd/weights.h"

namespace resnet {
namespace {

struct Flags {
  std::string model = "ResNet50_vd";
  std::string weights;
  std::string output = "teacher.pt";
  std::int64_t classes = 1000;
  std::int64_t image_size = 224;
  std::uint64_t seed = 1;
  std::string layout = "NCHW";
};

std::string Help() {
  return absl::StrCat(
      "Writes a network as the TorchScript file that edl-teacher serves, and FILE.json, which describes it.\n\n"
      "  export_teacher --model ResNet152_vd --weights trained.pt --output teacher.pt\n"
      "  edl-teacher --model teacher.pt --service imagenet --redis redis://127.0.0.1:6379\n\n"
      "Students send the input `image`, uint8 RGB as it comes from a decoder, and get the output `score`, the logits.\n"
      "Normalisation by ImageNet's mean and deviation is part of the file; batch normalisation is folded into the\n"
      "convolutions.\n\n"
      "Weights are a file that torch::save wrote in C++ (a trainer's checkpoint), or torch.save in Python of\n"
      "dict(model.state_dict()), a plain dictionary. Their names are torchvision's, for _vd timm's\n"
      "(resnet50d is ResNet50_vd).\n\n"
      "Models: ",
      absl::StrJoin(ModelNames(), ", "), ".");
}

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--model", flags.model, "one of the models above")->capture_default_str();
  CLI::Option* weights = app.add_option("--weights", flags.weights, "file of its weights [random ones, of --seed]");
  app.add_option("--seed", flags.seed, "of random weights, which teach nothing: for trying out and measuring")
      ->excludes(weights)
      ->capture_default_str();
  app.add_option("--classes", flags.classes, "how many the network tells apart")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--image-size,--image_size", flags.image_size, "pixels a side of the images that it will serve")
      ->check(CLI::Range(32, 4096))
      ->capture_default_str();
  app.add_option("--layout", flags.layout, "of the images; decoders give them NHWC")
      ->check(CLI::IsMember({"NCHW", "NHWC"}))
      ->capture_default_str();
  app.add_option("--output", flags.output, "where the script goes; its description goes to FILE.json")
      ->type_name("FILE")
      ->capture_default_str();
}

void Run(const Flags& flags) {
  ResNetOptions options;
  options.classes = flags.classes;
  torch::manual_seed(flags.seed);
  ResNet network(FindSpec(flags.model), options);
  if (!flags.weights.empty()) LoadWeights(network, flags.weights);
  const PixelLayout layout = flags.layout == "NHWC" ? PixelLayout::kNhwc : PixelLayout::kNchw;
  ExportTeacher(network, layout, flags.image_size, flags.output);
  const std::string weights = flags.weights.empty()
                                  ? absl::StrCat("RANDOM weights of seed ", flags.seed, ", which teach nothing")
                                  : absl::StrCat("the weights of ", flags.weights);
  std::printf("%s and %s.json: %s, %s\n", flags.output.c_str(), flags.output.c_str(), network->Describe().c_str(),
              weights.c_str());
}

}  // namespace
}  // namespace resnet

int main(int argc, char** argv) {
  resnet::Flags flags;
  CLI::App app(resnet::Help());
  resnet::AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    resnet::Run(flags);
  } catch (const c10::Error& error) {
    std::fprintf(stderr, "export_teacher: %s\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "export_teacher: %s\n", error.what());
    return 1;
  }
  return 0;
}
