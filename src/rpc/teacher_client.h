// SPDX-License-Identifier: Apache-2.0
// TeacherClient: the connections to one teacher, which speaks the Open Inference Protocol.
// Place: a lane owns one; dispatch knows gRPC only through these interfaces.
// Errors: gRPC's codes as the server or the transport gives them, with the server's pushback (pushback.h); DATA_LOSS -
//         the server's answer does not parse; UNAUTHENTICATED, of a probe - also what client_security.h refuses, and
//         what tls_diagnosis.h finds.
// Thread-safety: any thread; New… and Reconnect one thread at a time. `done` runs once for each Start, on a gRPC thread
//                or, if gRPC knows the outcome at once, inside Start; calls and probes are destroyed only after it
//                returned.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "edl/model.h"
#include "edl/shared_arena.h"
#include "src/rpc/client_security.h"
#include "src/rpc/infer_message.h"

namespace edl {

// What a call is for: the work that it is part of, and the one request in it. A null matches any.
struct CallTag {
  const void* work = nullptr;
  const void* request = nullptr;

  bool Matches(const CallTag& other) const {
    return (work == nullptr || work == other.work) && (request == nullptr || request == other.request);
  }
};

// (Not InferCall: that is what the server calls its side, and both are in one program where a test has a teacher.)
// One ModelInfer in flight at a time; used again for the next when `done` has begun.
class TeacherCall {
 public:
  using Done = std::function<void(absl::StatusOr<InferReply>)>;
  virtual ~TeacherCall() = default;

  // An error, and `done` never called, when the request cannot be sent at all (too large, no memory).
  virtual absl::Status Start(InferRequest request, std::chrono::milliseconds timeout, CallTag tag, Done done) = 0;

  // Cancels the call in flight, if there is one whose tag is matched.
  virtual void CancelIf(CallTag tag) = 0;
};

// ModelMetadata, then ModelReady: is the model there, ready, and what is it?
class ModelProbe {
 public:
  using Done = std::function<void(absl::StatusOr<ModelInfo>)>;
  virtual ~ModelProbe() = default;

  // `model` may be empty: the server's only one.
  virtual void Start(const std::string& model, std::chrono::milliseconds timeout, Done done) = 0;
  virtual void Cancel() = 0;
};

class TeacherClient {
 public:
  virtual ~TeacherClient() = default;
  virtual std::unique_ptr<TeacherCall> NewCall() = 0;
  virtual std::unique_ptr<ModelProbe> NewModelProbe() = 0;
  // What is started from now on goes over connections other than those that stand. For those that may lead nowhere: no
  // error tells of packets that vanish. What is in flight stays where it is.
  virtual void Reconnect() = 0;
};

struct TeacherClientOptions {
  // Hand tensors over in shared memory where the teacher is on this machine and takes that.
  bool shared_memory = true;
  // Where tensors may lie that need not even be copied there; may be null.
  std::shared_ptr<SharedArena> arena;
  // What travels in fewer bytes, where the teacher takes it so.
  Compression compression;
  // Connections; the n-th call that the client makes is sent over the n-th of them, and so on in turn.
  int channels = 1;
  // TLS and token; null: as ClientSecurity::Default().
  std::shared_ptr<const ClientSecurity> security;
  // Of one reply to a request; a larger one is DATA_LOSS.
  int max_reply_bytes = 64 << 20;
};

// Connects in the background, when first used. `endpoint` has been checked.
std::unique_ptr<TeacherClient> NewGrpcTeacherClient(const std::string& endpoint,
                                                    const TeacherClientOptions& options = {});

}  // namespace edl
