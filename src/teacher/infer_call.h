// SPDX-License-Identifier: Apache-2.0
// InferCall: one ModelInfer call, from its bytes to its reply.
// Place: gRPC's thread decodes and checks it and submits it; an instance thread runs the model; that, or the pool's
//        answering thread, answers.
//        It may run together with others whose rows fit (dynamic batching): the model sees one batch then.
// Errors: every fault is the reply of this one call; exceptions stop here (they would vanish inside gRPC).
// Lifetime: deletes itself when gRPC is done with it. Answered exactly once: by Start (refused), by Answer (computed,
//           or cancelled before), by OnCancel (taken out of the queue), by Expire (it waited there too long) or by
//           Abandon (the pool closes).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "edl/model.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "src/teacher/arrivals.h"
#include "src/teacher/instance_pool.h"
#include "src/teacher/model_statistics.h"
#include "src/teacher/request_check.h"
#include "src/teacher/request_gate.h"
#include "src/teacher/server_stats.h"
#include "src/teacher/shared_regions.h"
#include "src/teacher/token_gate.h"

namespace edl {

// What the calls of one server share; all of it outlives them.
struct InferParts {
  Model& model;
  Arrivals& arrivals;
  RequestGate& gate;
  InstancePool& pool;
  SharedRegions& regions;
  ServerCounters& counters;
  ModelStatistics& statistics;
  std::int64_t max_batch_rows;
  bool joins;                         // dynamic batching
  const TokenGate* tokens = nullptr;  // whom to let in; null: everybody
};

class InferCall final : public grpc::ServerUnaryReactor, private InstanceJob {
 public:
  InferCall(const InferParts& parts, grpc::CallbackServerContext* context, grpc::ByteBuffer* request,
            grpc::ByteBuffer* reply)
      : parts_(parts), context_(context), request_(request), reply_(reply) {
    times_.arrived = std::chrono::steady_clock::now();
  }

  void Start();

 private:
  absl::Status Accept();
  absl::Status Assemble();
  absl::Status FindShared(std::vector<WireTensor>& inputs) const;
  absl::Status FindRooms();
  absl::Status Expand(std::vector<WireTensor>& inputs) const;
  // False: it was cancelled, and that is its answer.
  bool Begin();
  void RunAlone();
  void End(absl::StatusOr<std::vector<Tensor>> outputs, const ComputeTimes& run);
  absl::StatusOr<grpc::ByteBuffer> Encode(const std::vector<Tensor>& outputs) const;
  absl::Status Leave(const SharedMemoryRef& ref, WireTensor& output) const;
  absl::Status Skip();
  void Conclude(const absl::Status& status);

  std::int64_t rows() const override { return checked_.rows; }
  bool Joins(const InstanceJob& next) const override;
  void Run() override;
  void RunWith(const std::vector<InstanceJob*>& others) override;
  void Answer() override;
  void Abandon() override;
  void Expire() override;
  void OnCancel() override;
  void OnDone() override;

  const InferParts& parts_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const request_;
  grpc::ByteBuffer* const reply_;

  // Written by Start, then by the thread that answers; the pool hands over between them.
  std::string client_;    // whose share of the gate it takes
  bool entered_ = false;  // the gate
  CheckedRequest checked_;
  std::map<std::string, SharedRegions::Room> rooms_;  // by the name of the output that goes there
  absl::Status outcome_;                              // of the computation; the reply is written
  RequestTimes times_;
  std::chrono::nanoseconds decoding_{0};  // and what else is done before the queue
  TimePoint submitted_;
  std::optional<TimePoint> begun_;  // nothing: not, or cancelled before
};

}  // namespace edl
