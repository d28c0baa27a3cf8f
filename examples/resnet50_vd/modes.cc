// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/modes.h"

#include <algorithm>
#include <utility>

#include "edl/torch/device_prefetch.h"
#include "edl/torch/tensor.h"

namespace resnet {
namespace {

// Of a loader's batch, on the device; what the loader does not have stays undefined.
Batch ToBatch(const std::vector<std::string>& names, const edl::Fields& fields, torch::Device device) {
  auto take = [&](const char* name) -> torch::Tensor {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return {};
    const torch::Tensor tensor = edl::ToTorch(fields[static_cast<std::size_t>(found - names.begin())]).value();
    // From memory that is not pinned, the copy would wait for all that the device has been asked for before.
    return device.is_cpu() ? tensor : tensor.pin_memory().to(device, /*non_blocking=*/true);
  };
  return {take("image"), take("label"), take("label_b"), take("mix"), {}};
}

class Plain final : public Mode {
 public:
  Plain(Loader loader, torch::Device device) : loader_(std::move(loader)), device_(device) {}

  BatchStream NextEpoch() override {
    return [this, next = loader_.epochs(epoch_++)]() mutable -> std::optional<Batch> {
      const std::optional<edl::Fields> fields = next().value();
      if (!fields) return std::nullopt;
      return ToBatch(loader_.fields, *fields, device_);
    };
  }

 private:
  const Loader loader_;
  const torch::Device device_;
  std::int64_t epoch_ = 0;
};

class InProcess final : public Mode {
 public:
  InProcess(Loader loader, torch::Device device, torch::jit::Module teacher)
      : plain_(std::move(loader), device), teacher_(std::move(teacher)) {
    teacher_.to(device);
    teacher_.eval();
  }

  BatchStream NextEpoch() override {
    return [this, next = plain_.NextEpoch()]() -> std::optional<Batch> {
      std::optional<Batch> batch = next();
      const torch::NoGradGuard no_grad;
      if (batch) batch->teacher_logits = teacher_.forward({batch->images}).toTensor();
      return batch;
    };
  }

 private:
  Plain plain_;
  torch::jit::Module teacher_;
};

class Service final : public Mode {
 public:
  Service(Loader loader, torch::Device device, std::unique_ptr<edl::TeacherWatcher> teachers,
          edl::ReaderOptions options)
      : fields_(std::move(loader.fields)) {
    options.fields = fields_;
    options.predictions = {"score"};
    auto reader =
        edl::DistillReader::Create(edl::FromBatches(std::move(loader.epochs)), std::move(teachers), std::move(options));
    batches_ = edl::DevicePrefetch::Create(std::move(reader).value(), device).value();
  }

  BatchStream NextEpoch() override {
    return [this]() -> std::optional<Batch> {
      const std::optional<edl::DeviceBatch> distilled = batches_->Next().value();
      if (!distilled) return std::nullopt;
      auto take = [&](const char* name) {
        const auto found = std::find(fields_.begin(), fields_.end(), name);
        return found == fields_.end() ? torch::Tensor() : distilled->at(name);
      };
      return Batch{take("image"), take("label"), take("label_b"), take("mix"), distilled->at("score")};
    };
  }

  void Stop() override { batches_->Shutdown(); }

  std::string Report() override {
    const edl::ReaderStats now = batches_->reader().Stats();
    return now.Since(std::exchange(reported_, now)).Advice();
  }

 private:
  std::vector<std::string> fields_;
  std::unique_ptr<edl::DevicePrefetch> batches_;
  edl::ReaderStats reported_;
};

}  // namespace

std::unique_ptr<Mode> PlainMode(Loader loader, torch::Device device) {
  return std::make_unique<Plain>(std::move(loader), device);
}

std::unique_ptr<Mode> InProcessMode(Loader loader, torch::Device device, torch::jit::Module teacher) {
  return std::make_unique<InProcess>(std::move(loader), device, std::move(teacher));
}

std::unique_ptr<Mode> ServiceMode(Loader loader, torch::Device device, std::unique_ptr<edl::TeacherWatcher> teachers,
                                  edl::ReaderOptions options) {
  return std::make_unique<Service>(std::move(loader), device, std::move(teachers), std::move(options));
}

}  // namespace resnet
