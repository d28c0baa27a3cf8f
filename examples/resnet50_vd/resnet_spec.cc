// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/resnet_spec.h"

#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace resnet {
namespace {

std::vector<ResNetSpec> Family() {
  std::vector<ResNetSpec> family;
  for (const auto& [suffix, variant] : {std::pair("", Variant::kPlain), std::pair("_vd", Variant::kVd)}) {
    family.push_back({absl::StrCat("ResNet18", suffix), BlockKind::kBasic, {2, 2, 2, 2}, variant});
    family.push_back({absl::StrCat("ResNet34", suffix), BlockKind::kBasic, {3, 4, 6, 3}, variant});
    family.push_back({absl::StrCat("ResNet50", suffix), BlockKind::kBottleneck, {3, 4, 6, 3}, variant});
    family.push_back({absl::StrCat("ResNet101", suffix), BlockKind::kBottleneck, {3, 4, 23, 3}, variant});
    family.push_back({absl::StrCat("ResNet152", suffix), BlockKind::kBottleneck, {3, 8, 36, 3}, variant});
  }
  for (const char* name : {"ResNeXt101_32x16d", "ResNeXt101_32x16d_wsl"}) {
    family.push_back({name, BlockKind::kBottleneck, {3, 4, 23, 3}, Variant::kPlain, 32, 16});
  }
  return family;
}

}  // namespace

std::vector<std::string> ModelNames() {
  std::vector<std::string> names;
  for (const ResNetSpec& spec : Family()) names.push_back(spec.name);
  return names;
}

ResNetSpec FindSpec(const std::string& name) {
  for (ResNetSpec& spec : Family()) {
    if (spec.name == name) return spec;
  }
  throw std::invalid_argument(
      absl::StrCat("no model is called '", name, "'; expected one of ", absl::StrJoin(ModelNames(), ", ")));
}

}  // namespace resnet
