// SPDX-License-Identifier: Apache-2.0
// InferenceService: the Open Inference Protocol's service, for one model.
// Place: TeacherServer registers it with gRPC; ModelInfer calls become InferCalls, the rest is answered on the spot.
// Errors: UNAUTHENTICATED - the caller shows none of the tokens that are wanted (token_gate.h), whatever the method.
// Thread-safety: gRPC calls it from any of its threads.
// Source: Open Inference Protocol (KServe v2), gRPC; gRPC's callback API (proposal L67), raw methods.
#pragma once

#include "proto/inference.grpc.pb.h"
#include "src/teacher/infer_call.h"

namespace edl {

namespace internal {
using Wire = inference::GRPCInferenceService;
using SharedMemoryMethods =
    Wire::WithCallbackMethod_SystemSharedMemoryStatus<Wire::WithCallbackMethod_SystemSharedMemoryRegister<
        Wire::WithCallbackMethod_SystemSharedMemoryUnregister<Wire::Service>>>;
using StatisticsMethod = Wire::WithCallbackMethod_ModelStatistics<SharedMemoryMethods>;
using UnaryMethods =
    Wire::WithCallbackMethod_ServerLive<Wire::WithCallbackMethod_ServerReady<Wire::WithCallbackMethod_ModelReady<
        Wire::WithCallbackMethod_ServerMetadata<Wire::WithCallbackMethod_ModelMetadata<StatisticsMethod>>>>>;
using InferenceServiceBase = Wire::WithRawCallbackMethod_ModelInfer<UnaryMethods>;
}  // namespace internal

class InferenceService final : public internal::InferenceServiceBase {
 public:
  explicit InferenceService(const InferParts& parts) : parts_(parts) {}

  using Reactor = grpc::ServerUnaryReactor;
  using Context = grpc::CallbackServerContext;
  Reactor* ServerLive(Context* context, const inference::ServerLiveRequest* request,
                      inference::ServerLiveResponse* reply) override;
  Reactor* ServerReady(Context* context, const inference::ServerReadyRequest* request,
                       inference::ServerReadyResponse* reply) override;
  Reactor* ModelReady(Context* context, const inference::ModelReadyRequest* request,
                      inference::ModelReadyResponse* reply) override;
  Reactor* ServerMetadata(Context* context, const inference::ServerMetadataRequest* request,
                          inference::ServerMetadataResponse* reply) override;
  Reactor* ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                         inference::ModelMetadataResponse* reply) override;
  Reactor* ModelStatistics(Context* context, const inference::ModelStatisticsRequest* request,
                           inference::ModelStatisticsResponse* reply) override;
  Reactor* SystemSharedMemoryStatus(Context* context, const inference::SystemSharedMemoryStatusRequest* request,
                                    inference::SystemSharedMemoryStatusResponse* reply) override;
  Reactor* SystemSharedMemoryRegister(Context* context, const inference::SystemSharedMemoryRegisterRequest* request,
                                      inference::SystemSharedMemoryRegisterResponse* reply) override;
  Reactor* SystemSharedMemoryUnregister(Context* context, const inference::SystemSharedMemoryUnregisterRequest* request,
                                        inference::SystemSharedMemoryUnregisterResponse* reply) override;
  Reactor* ModelInfer(Context* context, const grpc::ByteBuffer* request, grpc::ByteBuffer* reply) override;

 private:
  const InferParts parts_;
};

}  // namespace edl
