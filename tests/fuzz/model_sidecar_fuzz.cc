// SPDX-License-Identifier: Apache-2.0
// The sidecar file that describes a model. Input: the file.
#include "src/teacher/model_sidecar.h"

#include "nlohmann/json.hpp"
#include "tests/fuzz/fuzz_input.h"

namespace edl {
namespace {

using Json = nlohmann::json;

Json ToJson(const std::vector<TensorSpec>& specs) {
  Json list = Json::array();
  for (const TensorSpec& spec : specs) {
    list.push_back({{"name", spec.name}, {"datatype", DTypeName(spec.dtype)}, {"shape", spec.shape}});
  }
  return list;
}

Json ToJson(const ModelInfo& info) {
  Json json = {{"inputs", ToJson(info.inputs)}, {"outputs", ToJson(info.outputs)}};
  if (!info.name.empty()) json["name"] = info.name;
  if (!info.version.empty()) json["version"] = info.version;
  if (!info.platform.empty()) json["platform"] = info.platform;
  return json;
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  const std::string text = FuzzInput(data, size).Rest();
  absl::StatusOr<ModelInfo> info = ParseModelSidecar(text);
  if (!info.ok()) {
    Require(absl::IsInvalidArgument(info.status()), "a file that makes no sense is an INVALID_ARGUMENT");
    return 0;
  }
  // As text: a number that does not fit its C++ type would compare equal to what became of it.
  Require(ToJson(*info).dump() == Json::parse(text).dump(), "what was read is what the file says");
  for (const auto* specs : {&info->inputs, &info->outputs}) {
    Require(!specs->empty(), "a model has inputs and outputs");
    for (const TensorSpec& spec : *specs) {
      Require(!spec.name.empty() && spec.shape[0] == -1, "a tensor has a name and any number of rows");
      for (std::int64_t dimension : spec.shape) Require(dimension >= -1, "a dimension is -1 or a size");
    }
  }
  return 0;
}
