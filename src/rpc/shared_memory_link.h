// SPDX-License-Identifier: Apache-2.0
// SharedMemoryLink: how the tensors of one lane's requests reach a teacher on this machine that takes shared memory.
// Place: beside a GrpcTeacherClient's calls. A request that is placed says where its tensors lie, in slots that are
//        registered with the server, or in the loader's arena; one that is not travels as ever.
// Rules: nothing waits for it: while a slot is being registered, requests travel as ever. A slot holds one request at a
//        time; after a call that did not end well it is used no more, since the server may still read it. A slot's key
//        is gone as soon as the server has mapped it, so that it cannot outlive the two processes.
// Errors: none. What goes wrong costs speed and a line in the log.
// Thread-safety: any thread; Shutdown once, when no call is in flight. No lock is held while a call begins or is
//        cancelled.
// Source: the protocol's system shared memory extension.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edl/shared_arena.h"
#include "proto/inference.grpc.pb.h"
#include "src/base/mutex.h"
#include "src/rpc/infer_message.h"
#include "src/tensor/shared_memory.h"

namespace edl {

class SharedMemoryLink {
 public:
  using Stub = inference::GRPCInferenceService::Stub;

  // Below that many bytes a request travels: it costs no more.
  static constexpr std::size_t kLeastBytes = 64 << 10;

  // Memory that the server has mapped, for one request at a time.
  struct Slot {
    std::string name;
    std::shared_ptr<SharedMemory> memory;
    std::int64_t server = 0;
  };
  struct Placed {
    InferRequest request;
    std::unique_ptr<Slot> slot;  // null: all of it lies in the arena
    std::int64_t server = 0;
  };

  // `arena` may be null.
  SharedMemoryLink(std::string endpoint, std::shared_ptr<SharedArena> arena);
  ~SharedMemoryLink();

  // There is a server, perhaps another process than before, that takes shared memory or does not.
  void OnServer(std::shared_ptr<Stub> stub, bool takes_shared_memory);

  // The request as it is to travel; nothing when it is to travel with its bytes.
  std::optional<Placed> Place(const InferRequest& request);
  // Its call is over; `well`: it was answered.
  void Return(Placed placed, bool well);
  // The server answered well to the bytes of a request that it had refused when they were placed.
  void OnRefused(std::int64_t server);

  // Ends what is under way and tells the server to forget; takes 0.4 s at most.
  void Shutdown();

 private:
  struct Rpc;

  // The server that is registered with, at a given moment; null when it takes no shared memory.
  struct Server {
    std::shared_ptr<Stub> stub;
    std::int64_t number = 0;
  };

  std::optional<SharedMemoryRef> FindInArena(const WireTensor& input, const std::string& region) const;
  std::unique_ptr<Slot> TakeSlot(std::size_t size);
  void AddSlot(const Server& server, std::size_t size);
  void RegisterArena(const Server& server);
  void Register(const Server& server, const std::string& name, const std::string& key, std::size_t byte_size,
                std::function<void(const absl::Status&)> done);
  void Unregister(const Server& server, const std::string& name);
  void Start(std::shared_ptr<Rpc> rpc);
  void GiveUp(std::int64_t server, const absl::Status& why);
  std::string ArenaName(std::int64_t server) const;

  const std::string endpoint_;
  const std::shared_ptr<SharedArena> arena_;
  const std::string name_;  // nobody else's

  Mutex mu_;
  CondVar changed_;
  Server server_ ABSL_GUARDED_BY(mu_);     // its number goes up with each OnServer; what has an older one is of no use
  int refusals_ ABSL_GUARDED_BY(mu_) = 0;  // since the last good answer
  bool arena_ready_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::unique_ptr<Slot>> free_ ABSL_GUARDED_BY(mu_);
  int slots_ ABSL_GUARDED_BY(mu_) = 0;        // of this server: free, lent or being registered
  bool adding_ ABSL_GUARDED_BY(mu_) = false;  // one is being registered: no second, or there would be more than in use
  std::list<std::shared_ptr<Rpc>> under_way_ ABSL_GUARDED_BY(mu_);
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace edl
