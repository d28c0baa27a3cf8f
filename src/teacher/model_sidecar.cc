// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/model_sidecar.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "src/base/status.h"

namespace edl {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;  // levels; the form has four, and what repeats a value in an error recurses

absl::Status Wrong(const std::string& where, const Json& got, const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, " is ", got.dump(-1, ' ', true, Json::error_handler_t::replace), "; expected ", expected));
}

absl::StatusOr<DType> ParseDTypeOrSay(const std::string& name) {
  if (std::optional<DType> dtype = ParseDType(name)) return *dtype;
  std::string all;
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    absl::StrAppend(&all, i == 0 ? "" : ", ", DTypeName(static_cast<DType>(i)));
  }
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no data type; expected one of ", all));
}

// A name misspelt would otherwise be ignored in silence.
absl::Status CheckKeys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    bool is_known = false;
    for (const std::string& name : known) is_known = is_known || key == name;
    if (!is_known) return absl::InvalidArgumentError(absl::StrCat(where, "nobody knows '", key, "'"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Text(const Json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return absl::InvalidArgumentError(absl::StrCat(where, "'", key, "' is missing"));
  if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
    return Wrong(absl::StrCat(where, key), *found, "a text");
  }
  return found->get<std::string>();
}

absl::StatusOr<Shape> ParseShape(const Json& object, const std::string& where) {
  const auto found = object.find("shape");
  constexpr char kExpected[] = "a list of dimensions, -1 first (any number of rows), e.g. [-1, 3, 224, 224]";
  if (found == object.end()) {
    return absl::InvalidArgumentError(absl::StrCat(where, "'shape' is missing; expected ", kExpected));
  }
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  Shape shape;
  bool fits = found->is_array() && !found->empty();
  for (std::size_t i = 0; fits && i < found->size(); ++i) {
    const Json& dimension = (*found)[i];
    // Compared with -1, an unsigned number would be taken for a signed one.
    fits = dimension.is_number_unsigned() ? dimension.get<std::uint64_t>() <= kLargest
                                          : dimension.is_number_integer() && dimension >= -1;
    if (fits) shape.push_back(dimension.get<std::int64_t>());
  }
  fits = fits && shape[0] == -1;
  if (!fits) return Wrong(absl::StrCat(where, "shape"), *found, kExpected);
  return shape;
}

absl::StatusOr<std::vector<TensorSpec>> ParseSpecs(const Json& model, const std::string& key) {
  const auto found = model.find(key);
  if (found == model.end() || !found->is_array() || found->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, R"(' is no list of {"name": "…", "datatype": "…", "shape": […]})"));
  }
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Json& entry = (*found)[i];
    const std::string where = absl::StrCat(key, "[", i, "].");
    if (!entry.is_object()) return Wrong(absl::StrCat(key, "[", i, "]"), entry, "an object");
    EDL_RETURN_IF_ERROR(CheckKeys(entry, where, {"name", "datatype", "shape"}));
    TensorSpec spec;
    EDL_ASSIGN_OR_RETURN(spec.name, Text(entry, where, "name"));
    EDL_ASSIGN_OR_RETURN(const std::string datatype, Text(entry, where, "datatype"));
    absl::StatusOr<DType> dtype = ParseDTypeOrSay(datatype);
    if (!dtype.ok()) return Annotate(dtype.status(), absl::StrCat(where, "datatype"));
    spec.dtype = *dtype;
    EDL_ASSIGN_OR_RETURN(spec.shape, ParseShape(entry, where));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

absl::StatusOr<ModelInfo> ParseModelSidecar(const std::string& text) {
  Json json;
  bool too_deep = false;
  try {
    json = Json::parse(text, [&](int depth, Json::parse_event_t, const Json&) {
      too_deep = too_deep || depth > kDeepest;
      return !too_deep;
    });
  } catch (const Json::exception& error) {  // a number beyond double's range is no parse_error
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", error.what()));
  }
  if (too_deep) return absl::InvalidArgumentError(absl::StrCat("is nested more than ", kDeepest, " levels deep"));
  if (!json.is_object()) return absl::InvalidArgumentError("expected an object with inputs and outputs");
  EDL_RETURN_IF_ERROR(CheckKeys(json, "", {"name", "version", "platform", "inputs", "outputs"}));
  ModelInfo info;
  for (auto [key, target] : {std::pair<const char*, std::string*>{"name", &info.name},
                             {"version", &info.version},
                             {"platform", &info.platform}}) {
    if (!json.contains(key)) continue;
    EDL_ASSIGN_OR_RETURN(*target, Text(json, "", key));
  }
  EDL_ASSIGN_OR_RETURN(info.inputs, ParseSpecs(json, "inputs"));
  EDL_ASSIGN_OR_RETURN(info.outputs, ParseSpecs(json, "outputs"));
  return info;
}

absl::StatusOr<ModelInfo> ReadModelSidecar(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read '", file, "': ", std::strerror(errno)));
  absl::StatusOr<ModelInfo> info = ParseModelSidecar(text.str());
  if (!info.ok()) return Annotate(info.status(), file);
  return info;
}

absl::StatusOr<TensorSpec> ParseTensorSpec(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  TensorSpec spec;
  bool fits = parts.size() == 3 && !parts[0].empty();
  if (fits) {
    spec.name = parts[0];
    for (absl::string_view dimension : absl::StrSplit(parts[2], ',')) {
      std::int64_t value;
      fits = fits && absl::SimpleAtoi(dimension, &value) && value >= -1;
      if (fits) spec.shape.push_back(value);
    }
  }
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': expected NAME:DATATYPE:SHAPE, e.g. image:UINT8:-1,3,224,224"));
  }
  if (spec.shape[0] != -1) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': expected -1 as its first dimension, for any number of rows"));
  }
  absl::StatusOr<DType> dtype = ParseDTypeOrSay(parts[1]);
  if (!dtype.ok()) return Annotate(dtype.status(), absl::StrCat("'", text, "'"));
  spec.dtype = *dtype;
  return spec;
}

}  // namespace edl
