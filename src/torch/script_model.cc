// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/script_model.h"

#include <c10/core/InferenceMode.h>
#include <torch/cuda.h>
#include <torch/script.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "edl/torch/tensor.h"
#include "src/torch/torch_dtype.h"
#include "src/torch/torch_error.h"

namespace edl {
namespace {

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<torch::Device> FindDevice(const std::string& name) {
  absl::StatusOr<torch::Device> device =
      TorchGuarded(kInvalid, [&]() -> absl::StatusOr<torch::Device> { return torch::Device(name); });
  if (!device.ok() || !(device->is_cpu() || device->is_cuda())) {
    return absl::InvalidArgumentError(absl::StrCat("device '", name, "': expected cpu, cuda or cuda:N"));
  }
  if (device->is_cpu()) return device;
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (device->index() < count && count > 0) return device;
  return absl::FailedPreconditionError(
      absl::StrCat("device '", name, "': this libtorch finds ", count,
                   " CUDA devices on this machine: it was built without CUDA (Debian's is), or nvidia-smi shows none "
                   "either; use cpu"));
}

absl::Status CheckDTypes(const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    if (ToTorchDType(spec.dtype)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(spec.ToString(),
                     ": libtorch has no such data type; expected BOOL, UINT8, INT8 to INT64, FP16, "
                     "BF16, FP32 or FP64"));
  }
  return absl::OkStatus();
}

// What forward gave, as one tensor for each of `specs`.
absl::StatusOr<std::vector<torch::Tensor>> Unpack(const torch::IValue& value, const std::vector<TensorSpec>& specs) {
  std::vector<torch::Tensor> tensors;
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isTensorList()) {
    tensors = value.toTensorVector();
  } else if (value.isTuple()) {
    for (const torch::IValue& element : value.toTupleRef().elements()) {
      if (element.isTensor()) tensors.push_back(element.toTensor());
    }
  } else if (value.isGenericDict()) {
    const auto dictionary = value.toGenericDict();
    for (const TensorSpec& spec : specs) {
      const auto found = dictionary.find(spec.name);
      if (found != dictionary.end() && found->value().isTensor()) tensors.push_back(found->value().toTensor());
    }
  }
  if (tensors.size() == specs.size()) return tensors;
  return absl::InternalError(absl::StrCat("forward gave a ", value.tagKind(), " with ", tensors.size(),
                                          " of the outputs; expected ", specs.size(), " tensors"));
}

class ScriptModel final : public Model {
 public:
  ScriptModel(ModelInfo info, torch::jit::Module module, torch::Device device)
      : info_(std::move(info)), module_(std::move(module)), device_(device) {}

  const ModelInfo& info() const override { return info_; }

  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override {
    // INTERNAL: another teacher may compute what this one cannot, be its device lost or its file of another make.
    return TorchGuarded(absl::StatusCode::kInternal, [&] { return Forward(inputs); });
  }

  absl::Status SelfCheck() override;

 private:
  absl::StatusOr<std::vector<Tensor>> Forward(const std::vector<Tensor>& inputs) {
    const c10::InferenceMode inference;
    std::vector<torch::IValue> arguments;
    for (const Tensor& input : inputs) {
      EDL_ASSIGN_OR_RETURN(torch::Tensor tensor, ToTorch(input));
      arguments.emplace_back(tensor.to(device_));
    }
    EDL_ASSIGN_OR_RETURN(std::vector<torch::Tensor> tensors, Unpack(module_.forward(arguments), info_.outputs));
    std::vector<Tensor> outputs;
    for (const torch::Tensor& tensor : tensors) {
      absl::StatusOr<Tensor> output = FromTorch(tensor.to(torch::kCPU));  // where a device's late errors come out
      if (!output.ok()) return absl::InternalError(absl::StrCat("an output of forward: ", output.status().message()));
      outputs.push_back(*std::move(output));
    }
    return outputs;
  }

  const ModelInfo info_;
  torch::jit::Module module_;  // forward() is not const, but changes nothing in evaluation mode
  const torch::Device device_;
};

// Row of zeros for each input; none when a dimension beside the rows is free.
absl::StatusOr<std::vector<Tensor>> ZeroRow(const ModelInfo& info) {
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : info.inputs) {
    Shape shape = spec.shape;
    if (shape.empty() || std::find(shape.begin() + 1, shape.end(), -1) != shape.end()) return std::vector<Tensor>();
    shape[0] = 1;
    EDL_ASSIGN_OR_RETURN(std::int64_t elements, ElementCount(shape));
    const std::vector<char> zeros(static_cast<std::size_t>(elements) * DTypeSize(spec.dtype));
    EDL_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Copy(spec.dtype, shape, zeros.data(), zeros.size()));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

absl::Status ScriptModel::SelfCheck() {
  EDL_ASSIGN_OR_RETURN(std::vector<Tensor> inputs, ZeroRow(info_));
  if (inputs.empty()) return absl::OkStatus();
  EDL_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, Infer(inputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorSpec& spec = info_.outputs[i];
    const Tensor& got = outputs[i];
    const bool fits = got.dtype() == spec.dtype && got.shape().size() == spec.shape.size() && got.rows() == 1 &&
                      std::equal(got.shape().begin() + 1, got.shape().end(), spec.shape.begin() + 1,
                                 [](std::int64_t have, std::int64_t want) { return want == -1 || have == want; });
    if (fits) continue;
    return absl::InvalidArgumentError(absl::StrCat("one row of zeros gave ", got.ToString(), " as output '", spec.name,
                                                   "', which is described as ", spec.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> LoadScriptModel(const std::string& file, ModelInfo info,
                                                       const ScriptModelOptions& options) {
  if (access(file.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot read model file '", file, "': ", std::strerror(errno)));
  }
  EDL_RETURN_IF_ERROR(CheckDTypes(info.inputs));
  EDL_RETURN_IF_ERROR(CheckDTypes(info.outputs));
  EDL_ASSIGN_OR_RETURN(const torch::Device device, FindDevice(options.device));
  absl::StatusOr<torch::jit::Module> module = TorchGuarded(kInvalid, [&]() -> absl::StatusOr<torch::jit::Module> {
    torch::jit::Module loaded = torch::jit::load(file, device);
    loaded.eval();
    return loaded;
  });
  if (!module.ok()) {
    return Annotate(module.status(),
                    absl::StrCat("'", file, "' is no TorchScript file (torch.jit.script(model).save)"));
  }
  if (info.platform.empty()) info.platform = "pytorch_torchscript";
  auto model = std::make_unique<ScriptModel>(std::move(info), *std::move(module), device);
  if (options.self_check) {
    absl::Status check = model->SelfCheck();
    if (!check.ok()) return absl::InvalidArgumentError(absl::StrCat("'", file, "': ", check.message()));
  }
  return model;
}

}  // namespace edl
