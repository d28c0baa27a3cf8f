// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/ranks.h"

#include <torch/version.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "examples/resnet50_vd/gradient_buckets.h"

namespace resnet {
namespace {

// A rank may wait for teachers for as long as it takes, and the others for it. One that ends is noticed at once.
constexpr std::chrono::hours kPatience{24 * 30};

const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

// The variable's number; throws when it is none, or not in [least, most].
int EnvironmentNumber(const char* name, int least, int most) {
  const char* text = Environment(name);
  int number = 0;
  if (text != nullptr) {
    const char* end = text + std::strlen(text);
    const auto parsed = std::from_chars(text, end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && least <= number && number <= most) return number;
  }
  throw std::runtime_error(
      absl::StrCat(name, " is ", text == nullptr ? "not set" : absl::StrCat("'", text, "'"), "; expected ", least,
                   " to ", most, ", as torchrun sets it (RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT go together)"));
}

// Waits for a collective operation; every failure says that it is the others who are missed.
void Await(const c10::intrusive_ptr<c10d::Work>& work, const char* what) {
  try {
    work->wait();
  } catch (const std::exception& error) {
    throw std::runtime_error(absl::StrCat(what, " among the ranks failed: ", error.what()));
  }
}

#if TORCH_VERSION_MAJOR >= 2
// Releases differ in whether a group takes options. A template, so that the other way need not compile.
template <typename Group>
c10::intrusive_ptr<Group> NewGroup(const c10::intrusive_ptr<c10d::Store>& store, const RankOptions& options,
                                   const char* backend) {
  if constexpr (std::is_constructible_v<Group, const c10::intrusive_ptr<c10d::Store>&, int, int>) {
    return c10::make_intrusive<Group>(store, options.rank, options.world_size);
  } else {
    return c10::make_intrusive<Group>(store, options.rank, options.world_size,
                                      c10::make_intrusive<typename Group::Options>(backend));
  }
}
#endif

// Since 2.0 a process group has a backend for each kind of device; before, it was one.
template <typename Backend>
c10::intrusive_ptr<c10d::ProcessGroup> GroupOf(const c10::intrusive_ptr<c10d::Store>& store, const RankOptions& options,
                                               c10::intrusive_ptr<Backend> backend, torch::Device device) {
#if TORCH_VERSION_MAJOR >= 2
  auto group = NewGroup<c10d::ProcessGroup>(store, options, device.is_cuda() ? "nccl" : "gloo");
  const auto type = device.is_cuda() ? c10d::ProcessGroup::BackendType::NCCL : c10d::ProcessGroup::BackendType::GLOO;
  group->setBackend(device.type(), type, backend);
  return group;
#else
  (void)store, (void)options, (void)device;
  return backend;
#endif
}

c10::intrusive_ptr<c10d::ProcessGroup> MakeGroup(const c10::intrusive_ptr<c10d::Store>& store,
                                                 const RankOptions& options, torch::Device device) {
#ifdef USE_C10D_NCCL
  if (device.is_cuda()) {
    auto nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.world_size);
    return GroupOf(store, options, std::move(nccl), device);
  }
#endif
#ifdef USE_C10D_GLOO
  if (device.is_cpu()) {
    auto how = c10d::ProcessGroupGloo::Options::create();
    how->timeout = kPatience;
    const char* interface = Environment("GLOO_SOCKET_IFNAME");
    how->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                                : c10d::ProcessGroupGloo::createDefaultDevice());
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.world_size, how);
    return GroupOf(store, options, std::move(gloo), device);
  }
#endif
  throw std::runtime_error(absl::StrCat("this program was built without ", device.is_cuda() ? "NCCL" : "Gloo",
                                        ", which several ranks on ", device.str(), " need"));
}

class OneRank final : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void Share(const std::vector<torch::Tensor>&) override {}
  void AverageGradientsOf(const std::vector<torch::Tensor>&) override {}
  void BeginBackward() override {}
  void EndBackward() override {}
  std::vector<double> Sum(std::vector<double> values) override { return values; }
};

class ManyRanks final : public Ranks {
 public:
  ManyRanks(c10::intrusive_ptr<c10d::Store> store, c10::intrusive_ptr<c10d::ProcessGroup> group, torch::Device device)
      : store_(std::move(store)), group_(std::move(group)), device_(device) {}

  int rank() const override { return group_->getRank(); }
  int size() const override { return group_->getSize(); }

  void Share(const std::vector<torch::Tensor>& tensors) override {
    const torch::NoGradGuard no_grad;
    for (const torch::Tensor& tensor : tensors) {
      std::vector<torch::Tensor> flat = {tensor.contiguous()};
      Await(group_->broadcast(flat), "sharing the weights");
      if (rank() != 0) torch::Tensor(tensor).copy_(flat[0]);
    }
  }

  void AverageGradientsOf(const std::vector<torch::Tensor>& parameters) override {
    buckets_ = std::make_unique<GradientBuckets>(group_, parameters);
  }
  void BeginBackward() override { buckets_->Begin(); }
  void EndBackward() override { buckets_->End(); }

  std::vector<double> Sum(std::vector<double> values) override {
    std::vector<torch::Tensor> sum = {torch::tensor(values, torch::kFloat64).to(device_)};
    Await(group_->allreduce(sum), "a sum");
    const torch::Tensor result = sum[0].cpu();
    return std::vector<double>(result.data_ptr<double>(), result.data_ptr<double>() + result.numel());
  }

 private:
  const c10::intrusive_ptr<c10d::Store> store_;
  const c10::intrusive_ptr<c10d::ProcessGroup> group_;
  const torch::Device device_;
  std::unique_ptr<GradientBuckets> buckets_;
};

}  // namespace

RankOptions RankOptions::FromEnvironment() {
  RankOptions options;
  if (Environment("RANK") == nullptr && Environment("WORLD_SIZE") == nullptr) return options;
  options.world_size = EnvironmentNumber("WORLD_SIZE", 1, 1 << 20);
  options.rank = EnvironmentNumber("RANK", 0, options.world_size - 1);
  if (options.world_size == 1) return options;
  options.master_port = EnvironmentNumber("MASTER_PORT", 1, 65535);
  const char* address = Environment("MASTER_ADDR");
  if (address == nullptr) throw std::runtime_error("MASTER_ADDR is not set; expected the host of rank 0");
  options.master_address = address;
  const char* agent = Environment("TORCHELASTIC_USE_AGENT_STORE");
  options.master_serves = agent != nullptr && std::strcmp(agent, "True") == 0;
  if (const char* attempt = Environment("TORCHELASTIC_RESTART_COUNT")) options.attempt = attempt;
  return options;
}

std::unique_ptr<Ranks> Ranks::Join(const RankOptions& options, torch::Device device) {
  if (options.world_size == 1) return std::make_unique<OneRank>();
  try {
    c10d::TCPStoreOptions at;
    at.port = static_cast<std::uint16_t>(options.master_port);
    at.isServer = options.rank == 0 && !options.master_serves;
    at.numWorkers = options.world_size;
    c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(options.master_address, at);
    if (options.master_serves) {  // and outlives the ranks that it starts again, who must not read of the dead
      store = c10::make_intrusive<c10d::PrefixStore>("/worker/attempt_" + options.attempt, store);
    }
    auto group = MakeGroup(store, options, device);
    return std::make_unique<ManyRanks>(std::move(store), std::move(group), device);
  } catch (const std::exception& error) {
    throw std::runtime_error(absl::StrCat("rank ", options.rank, " of ", options.world_size,
                                          " cannot join the others at ", options.master_address, ":",
                                          options.master_port, ": ", error.what()));
  }
}

}  // namespace resnet
