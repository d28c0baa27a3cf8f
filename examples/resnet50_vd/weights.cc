// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/weights.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "examples/resnet50_vd/replace_file.h"

namespace resnet {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;

// Only counts batches, which nothing here reads; older files do without it.
constexpr char kOptional[] = "num_batches_tracked";

std::string ShapeOf(const torch::Tensor& tensor) {
  return absl::StrCat(torch::toString(tensor.scalar_type()), " [", absl::StrJoin(tensor.sizes(), ", "), "]");
}

// The dictionary's tensors, and those of dictionaries in it; what else it holds is not for us.
void Flatten(const torch::IValue& value, const std::string& name, Tensors& tensors) {
  if (value.isTensor()) {
    tensors[name] = value.toTensor();
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (!entry.key().isString()) continue;
      const std::string& key = entry.key().toStringRef();
      Flatten(entry.value(), name.empty() ? key : absl::StrCat(name, ".", key), tensors);
    }
  }
}

// By torch.save in Python.
Tensors ReadPickle(const std::string& file) {
  std::vector<char> bytes(std::filesystem::file_size(file));
  std::ifstream(file, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  Tensors tensors;
  Flatten(torch::pickle_load(bytes), "", tensors);
  return tensors;
}

// By torch::save in C++, which writes a TorchScript module without code.
Tensors ReadArchive(const std::string& file) {
  const torch::jit::Module archive = torch::jit::load(file, torch::kCPU);
  Tensors tensors;
  for (const auto& parameter : archive.named_parameters()) tensors[parameter.name] = parameter.value;
  for (const auto& buffer : archive.named_buffers()) tensors[buffer.name] = buffer.value;
  return tensors;
}

Tensors ReadTensors(const std::string& file) {
  if (!std::ifstream(file)) throw std::runtime_error(absl::StrCat("cannot read the weights file '", file, "'"));
  try {
    const bool archive = caffe2::serialize::PyTorchStreamReader(file).hasRecord("constants.pkl");
    return archive ? ReadArchive(file) : ReadPickle(file);
  } catch (const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    throw std::runtime_error(
        absl::StrCat("'", file,
                     "' is no weights file; expected what torch::save writes in C++, or torch.save(dict(model."
                     "state_dict()), file) in Python: ",
                     torch_error != nullptr ? torch_error->what_without_backtrace() : error.what()));
  }
}

// Without what is common to all names of the network, and without what is not the network's.
Tensors StripPrefix(Tensors tensors) {
  for (const char* prefix : {"model.", "state_dict.", "module."}) {
    Tensors stripped;
    for (const auto& [name, tensor] : tensors) {
      if (absl::StartsWith(name, prefix)) stripped[std::string(absl::StripPrefix(name, prefix))] = tensor;
    }
    if (!stripped.empty()) tensors = std::move(stripped);
  }
  return tensors;
}

// What a file has to hold for `network`.
Tensors Wanted(const ResNet& network) {
  Tensors wanted;
  for (const auto& parameter : network->named_parameters()) wanted[parameter.key()] = parameter.value();
  for (const auto& buffer : network->named_buffers()) wanted[buffer.key()] = buffer.value();
  return wanted;
}

// What is wrong with `found`, if anything.
std::string Compare(const Tensors& wanted, const Tensors& found) {
  std::vector<std::string> missing;
  for (const auto& [name, target] : wanted) {
    if (found.count(name) == 0 && !absl::EndsWith(name, kOptional)) missing.push_back(name);
  }
  if (!missing.empty()) {
    return absl::StrCat("of its ", wanted.size(), " tensors they lack ", missing.size(), ", the first being ",
                        missing.front());
  }
  for (const auto& [name, tensor] : found) {
    const auto target = wanted.find(name);
    if (target == wanted.end()) {
      return absl::StrCat("they have ", name, " ", ShapeOf(tensor), ", which is none of its ", wanted.size(),
                          " tensors");
    }
    if (tensor.sizes() != target->second.sizes() || tensor.is_floating_point() != target->second.is_floating_point()) {
      return absl::StrCat(name, " is ", ShapeOf(tensor), "; expected ", ShapeOf(target->second));
    }
  }
  return "";
}

}  // namespace

void SaveWeights(const ResNet& network, const std::filesystem::path& file) {
  ReplaceFile(file, [&](const std::string& temporary) { torch::save(network, temporary); });
}

void LoadWeights(ResNet& network, const std::filesystem::path& file) {
  const Tensors found = StripPrefix(ReadTensors(file.string()));
  Tensors wanted = Wanted(network);
  const std::string difference = Compare(wanted, found);
  if (!difference.empty()) {
    throw std::runtime_error(
        absl::StrCat("the weights in '", file.string(), "' are not those of ", network->Describe(), ": ", difference));
  }
  const torch::NoGradGuard no_grad;
  for (auto& [name, target] : wanted) {
    const auto entry = found.find(name);
    if (entry != found.end()) target.copy_(entry->second);
  }
}

}  // namespace resnet
