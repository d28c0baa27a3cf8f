// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/shared_memory_link.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/rpc/status_code.h"
#include "src/tensor/aligned_buffer.h"

namespace edl {
namespace {

constexpr int kMostSlots = 64;  // as many requests can be in flight to one teacher
constexpr int kMostRefusals = 3;
constexpr std::chrono::seconds kRegisterTimeout{5};
constexpr std::chrono::milliseconds kGoodbye{200};

std::size_t Aligned(std::size_t size) {
  return (size + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

std::string NewName() {
  std::random_device random;
  return absl::StrCat("edl-", absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

void CopyTo(std::byte* to, const WireTensor& input) {
  for (const Fragment& fragment : input.fragments) {
    if (fragment.size != 0) std::memcpy(to, fragment.data, fragment.size);
    to += fragment.size;
  }
}

}  // namespace

// A call to the server that is not a request of the reader's.
struct SharedMemoryLink::Rpc {
  std::shared_ptr<Stub> stub;
  grpc::ClientContext context;
  inference::SystemSharedMemoryRegisterRequest to_register;
  inference::SystemSharedMemoryRegisterResponse registered;
  inference::SystemSharedMemoryUnregisterRequest to_unregister;
  inference::SystemSharedMemoryUnregisterResponse unregistered;
  std::function<void(const absl::Status&)> done;
};

SharedMemoryLink::SharedMemoryLink(std::string endpoint, std::shared_ptr<SharedArena> arena)
    : endpoint_(std::move(endpoint)), arena_(std::move(arena)), name_(NewName()) {}

SharedMemoryLink::~SharedMemoryLink() = default;

std::string SharedMemoryLink::ArenaName(std::int64_t server) const {
  return absl::StrCat(name_, "-arena-", server);
}

void SharedMemoryLink::OnServer(std::shared_ptr<Stub> stub, bool takes_shared_memory) {
  std::vector<std::unique_ptr<Slot>> old_slots;
  Server server, old_server;
  bool old_arena;
  {
    MutexLock lock(mu_);
    if (shut_down_) return;
    old_server = server_;
    old_slots.swap(free_);
    old_arena = std::exchange(arena_ready_, false);
    slots_ = 0;
    adding_ = false;
    ++server_.number;
    server_.stub = takes_shared_memory ? std::move(stub) : nullptr;
    server = server_;
  }
  // It may be the same process, found again after an error.
  if (old_server.stub != nullptr && server.stub != nullptr) {
    for (const auto& slot : old_slots) Unregister(server, slot->name);
    if (old_arena) Unregister(server, ArenaName(old_server.number));
  }
  if (server.stub != nullptr && arena_ != nullptr) RegisterArena(server);
}

std::optional<SharedMemoryRef> SharedMemoryLink::FindInArena(const WireTensor& input, const std::string& region) const {
  if (region.empty() || input.fragments.size() != 1) return std::nullopt;
  const Fragment& bytes = input.fragments[0];
  const std::optional<std::size_t> offset = arena_->OffsetOf(bytes.data, bytes.size);
  if (!offset) return std::nullopt;
  return SharedMemoryRef{region, *offset, bytes.size};
}

std::optional<SharedMemoryLink::Placed> SharedMemoryLink::Place(const InferRequest& request) {
  Server server;
  std::string arena_region;
  {
    MutexLock lock(mu_);
    if (server_.stub == nullptr || shut_down_) return std::nullopt;
    server = server_;
    if (arena_ready_) arena_region = ArenaName(server.number);
  }
  Placed placed{{request.model_name, request.model_version, request.id, {}, request.outputs}, nullptr, server.number};
  std::size_t bytes = 0, to_copy = 0;
  for (const WireTensor& input : request.inputs) {
    bytes += input.byte_size();
    placed.request.inputs.push_back({input.spec, {}, FindInArena(input, arena_region), input.compressed});
    if (!placed.request.inputs.back().shared) to_copy += Aligned(input.byte_size());
  }
  if (bytes < kLeastBytes) return std::nullopt;
  if (to_copy == 0) return placed;
  placed.slot = TakeSlot(to_copy);
  if (placed.slot == nullptr) {
    AddSlot(server, to_copy);
    return std::nullopt;
  }
  std::size_t offset = 0;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    if (placed.request.inputs[i].shared) continue;
    CopyTo(placed.slot->memory->data() + offset, request.inputs[i]);
    const std::size_t size = request.inputs[i].byte_size();
    placed.request.inputs[i].shared = SharedMemoryRef{placed.slot->name, offset, size};
    offset += Aligned(size);
  }
  return placed;
}

void SharedMemoryLink::Return(Placed placed, bool well) {
  if (placed.slot == nullptr) return;
  Server server;
  {
    MutexLock lock(mu_);
    if (well) refusals_ = 0;
    if (placed.server != server_.number) return;
    if (well && !shut_down_) {
      free_.push_back(std::move(placed.slot));
      return;
    }
    --slots_;
    server = server_;
  }
  if (server.stub != nullptr) Unregister(server, placed.slot->name);
}

void SharedMemoryLink::OnRefused(std::int64_t number) {
  std::shared_ptr<Stub> stub;
  {
    MutexLock lock(mu_);
    if (number != server_.number || server_.stub == nullptr) return;
    stub = server_.stub;
    if (++refusals_ > kMostRefusals) {
      Log().warn("teacher {} refuses what it reads from shared memory; its tensors travel from now on", endpoint_);
      server_.stub = nullptr;
      return;
    }
  }
  OnServer(std::move(stub), /*takes_shared_memory=*/true);  // it may be a new process that knows of no region
}

std::unique_ptr<SharedMemoryLink::Slot> SharedMemoryLink::TakeSlot(std::size_t size) {
  MutexLock lock(mu_);
  auto fits = std::find_if(free_.begin(), free_.end(), [&](const auto& slot) { return slot->memory->size() >= size; });
  if (fits == free_.end()) return nullptr;
  std::unique_ptr<Slot> slot = std::move(*fits);
  free_.erase(fits);
  return slot;
}

void SharedMemoryLink::AddSlot(const Server& server, std::size_t size) {
  std::unique_ptr<Slot> too_small;
  {
    MutexLock lock(mu_);
    if (server.number != server_.number || shut_down_ || adding_) return;
    if (!free_.empty()) {  // none of them was large enough
      too_small = std::move(free_.back());
      free_.pop_back();
      --slots_;
    }
    if (slots_ >= kMostSlots) return;
    ++slots_;
    adding_ = true;
  }
  if (too_small != nullptr) Unregister(server, too_small->name);
  auto memory = SharedMemory::Create(size);
  if (!memory.ok()) return GiveUp(server.number, memory.status());
  const std::string key = (*memory)->key(), name = key.substr(1);
  auto registered = [this, slot = Slot{name, *std::move(memory), server.number}](const absl::Status& status) mutable {
    slot.memory->Unlink();  // mapped, or never will be
    if (!status.ok()) return GiveUp(slot.server, status);
    MutexLock lock(mu_);
    if (slot.server != server_.number) return;
    adding_ = false;
    free_.push_back(std::make_unique<Slot>(std::move(slot)));
  };
  Register(server, name, key, size, std::move(registered));
}

void SharedMemoryLink::RegisterArena(const Server& server) {
  Register(server, ArenaName(server.number), arena_->key(), arena_->byte_size(),
           [this, number = server.number](const absl::Status& status) {
             if (!status.ok()) return GiveUp(number, status);
             MutexLock lock(mu_);
             if (number == server_.number) arena_ready_ = true;
           });
}

// Shared memory that cannot be had, or that the server cannot see (another container's), costs nothing but this line.
void SharedMemoryLink::GiveUp(std::int64_t number, const absl::Status& why) {
  {
    MutexLock lock(mu_);
    if (number != server_.number || server_.stub == nullptr || shut_down_) return;
    server_.stub = nullptr;
  }
  Log().info("teacher {} is sent its tensors, not by shared memory: {}", endpoint_, why.ToString());
}

void SharedMemoryLink::Register(const Server& server, const std::string& name, const std::string& key,
                                std::size_t byte_size, std::function<void(const absl::Status&)> done) {
  auto rpc = std::make_shared<Rpc>();
  rpc->stub = server.stub;
  rpc->to_register.set_name(name);
  rpc->to_register.set_key(key);
  rpc->to_register.set_byte_size(byte_size);
  rpc->done = std::move(done);
  Start(std::move(rpc));
}

void SharedMemoryLink::Unregister(const Server& server, const std::string& name) {
  auto rpc = std::make_shared<Rpc>();
  rpc->stub = server.stub;
  rpc->to_unregister.set_name(name);
  Start(std::move(rpc));
}

void SharedMemoryLink::Start(std::shared_ptr<Rpc> rpc) {
  rpc->context.set_deadline(std::chrono::system_clock::now() + kRegisterTimeout);
  {
    MutexLock lock(mu_);
    if (shut_down_) return;
    under_way_.push_back(rpc);
  }
  auto over = [this, rpc = rpc.get()](const grpc::Status& status) {
    // What was written before the call is read after it: gRPC's own order, which ThreadSanitizer does not see; it sees
    // the lock's (docs/decisions/thread_sanitizer.md).
    { MutexLock lock(mu_); }
    absl::Status thrown = Guarded([&]() -> absl::Status {
      if (auto done = std::exchange(rpc->done, nullptr)) done(FromGrpc(status));
      return absl::OkStatus();
    });
    if (!thrown.ok()) Log().warn("shared memory: {}", thrown.ToString());
    MutexLock lock(mu_);
    under_way_.remove_if([rpc](const auto& one) { return one.get() == rpc; });
    changed_.NotifyAll();
  };
  // `rpc` is held here, too: `over` may run before the call returns. Whoever lets go of it does so under the lock: the
  // last one destroys it.
  const std::shared_ptr<Stub> stub = rpc->stub;
  if (!rpc->to_register.name().empty()) {
    stub->async()->SystemSharedMemoryRegister(&rpc->context, &rpc->to_register, &rpc->registered, over);
  } else {
    stub->async()->SystemSharedMemoryUnregister(&rpc->context, &rpc->to_unregister, &rpc->unregistered, over);
  }
  MutexLock lock(mu_);
  rpc.reset();
}

// In order: nothing new begins; what is under way ends, or is cancelled; the server forgets what it has mapped (one of
// ours would see by itself that this process is gone, others would keep it).
void SharedMemoryLink::Shutdown() {
  const auto patience = std::chrono::steady_clock::now() + kGoodbye;
  std::list<std::shared_ptr<Rpc>> late;
  bool cancelled;
  {
    MutexLock lock(mu_);
    shut_down_ = true;
    while (!under_way_.empty() && std::chrono::steady_clock::now() < patience) changed_.WaitUntil(mu_, patience);
    late = under_way_;
  }
  for (const auto& rpc : late) rpc->context.TryCancel();
  std::vector<std::string> names;
  std::shared_ptr<Stub> stub;
  {
    MutexLock lock(mu_);
    while (!under_way_.empty()) changed_.Wait(mu_);
    cancelled = !late.empty();
    late.clear();
    stub = std::exchange(server_.stub, nullptr);
    for (const auto& slot : free_) names.push_back(slot->name);
    free_.clear();
    if (arena_ready_) names.push_back(ArenaName(server_.number));
  }
  const auto deadline = std::chrono::system_clock::now() + kGoodbye;
  for (std::size_t i = 0; stub != nullptr && !cancelled && i < names.size(); ++i) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    inference::SystemSharedMemoryUnregisterRequest request;
    inference::SystemSharedMemoryUnregisterResponse response;
    request.set_name(names[i]);
    if (!stub->SystemSharedMemoryUnregister(&context, request, &response).ok()) return;
  }
}

}  // namespace edl
