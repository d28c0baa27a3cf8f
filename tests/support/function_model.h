// SPDX-License-Identifier: Apache-2.0
// FunctionModel: a Model that is a function.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "edl/model.h"

namespace edl {

class FunctionModel final : public Model {
 public:
  using Function = std::function<absl::StatusOr<std::vector<Tensor>>(const std::vector<Tensor>& inputs)>;

  FunctionModel(ModelInfo info, Function function) : info_(std::move(info)), function_(std::move(function)) {}

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override { return function_(inputs); }

 private:
  const ModelInfo info_;
  const Function function_;
};

}  // namespace edl
