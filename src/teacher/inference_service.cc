// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/inference_service.h"

#include "absl/status/status.h"
#include "src/base/status.h"
#include "src/rpc/extensions.h"
#include "src/rpc/model_metadata.h"
#include "src/rpc/status_code.h"

namespace edl {
namespace {

template <typename Body>
grpc::ServerUnaryReactor* Reply(const InferParts& parts, grpc::CallbackServerContext* context, Body&& body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(Guarded([&]() -> absl::Status {
    EDL_RETURN_IF_ERROR(LetIn(parts.tokens, *context));
    return body();
  })));
  return reactor;
}

using Statistics = edl::ModelStatistics;

void Write(const Statistics::Duration& duration, inference::StatisticDuration& proto) {
  proto.set_count(static_cast<std::uint64_t>(duration.count));
  proto.set_ns(static_cast<std::uint64_t>(duration.time.count()));
}

// Into a request's or a batch size's: the fields have the same names in both.
template <typename Proto>
void Write(const Statistics::Compute& compute, Proto& proto) {
  Write(compute.input, *proto.mutable_compute_input());
  Write(compute.infer, *proto.mutable_compute_infer());
  Write(compute.output, *proto.mutable_compute_output());
}

void Write(const Statistics::Values& values, inference::ModelStatistics& proto) {
  const auto last = values.last_inference.time_since_epoch() / std::chrono::milliseconds(1);
  proto.set_last_inference(static_cast<std::uint64_t>(last));
  proto.set_inference_count(static_cast<std::uint64_t>(values.rows));
  proto.set_execution_count(static_cast<std::uint64_t>(values.runs));
  inference::InferStatistics& stats = *proto.mutable_inference_stats();
  Write(values.success, *stats.mutable_success());
  Write(values.fail, *stats.mutable_fail());
  Write(values.queue, *stats.mutable_queue());
  Write(values.compute, stats);
  for (const auto& [rows, compute] : values.batches) {
    inference::InferBatchStatistics& batch = *proto.add_batch_stats();
    batch.set_batch_size(static_cast<std::uint64_t>(rows));
    Write(compute, batch);
  }
}

}  // namespace

grpc::ServerUnaryReactor* InferenceService::ServerLive(Context* context, const inference::ServerLiveRequest*,
                                                       inference::ServerLiveResponse* reply) {
  return Reply(parts_, context, [&] {
    reply->set_live(true);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::ServerReady(Context* context, const inference::ServerReadyRequest*,
                                                        inference::ServerReadyResponse* reply) {
  return Reply(parts_, context, [&] {
    reply->set_ready(parts_.gate.open());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::ModelReady(Context* context, const inference::ModelReadyRequest* request,
                                                       inference::ModelReadyResponse* reply) {
  return Reply(parts_, context, [&] {
    reply->set_ready(parts_.gate.open());
    return CheckModelName(parts_.model.info(), request->name(), request->version());
  });
}

grpc::ServerUnaryReactor* InferenceService::ServerMetadata(Context* context, const inference::ServerMetadataRequest*,
                                                           inference::ServerMetadataResponse* reply) {
  return Reply(parts_, context, [&] {
    reply->set_name("edl-teacher");
    reply->set_version(EDL_VERSION);
    // A name appears here together with the calls, or parameters, that it stands for.
    reply->add_extensions(kStatisticsExtension);
    reply->add_extensions(kCompressionExtension);
    reply->add_extensions(kTimesExtension);
    if (parts_.regions.offered()) reply->add_extensions(kSharedMemoryExtension);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::ModelMetadata(Context* context,
                                                          const inference::ModelMetadataRequest* request,
                                                          inference::ModelMetadataResponse* reply) {
  return Reply(parts_, context, [&] {
    EDL_RETURN_IF_ERROR(CheckModelName(parts_.model.info(), request->name(), request->version()));
    *reply = ToProto(parts_.model.info());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::ModelStatistics(Context* context,
                                                            const inference::ModelStatisticsRequest* request,
                                                            inference::ModelStatisticsResponse* reply) {
  return Reply(parts_, context, [&] {
    const ModelInfo& info = parts_.model.info();
    EDL_RETURN_IF_ERROR(CheckModelName(info, request->name(), request->version()));
    inference::ModelStatistics& model = *reply->add_model_stats();
    model.set_name(info.name);
    model.set_version(info.version);
    Write(parts_.statistics.Get(), model);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::SystemSharedMemoryStatus(
    Context* context, const inference::SystemSharedMemoryStatusRequest* request,
    inference::SystemSharedMemoryStatusResponse* reply) {
  return Reply(parts_, context, [&] {
    EDL_ASSIGN_OR_RETURN(std::vector<SharedRegions::Region> regions, parts_.regions.List(request->name()));
    for (const SharedRegions::Region& region : regions) {
      auto& status = (*reply->mutable_regions())[region.name];
      status.set_name(region.name);
      status.set_key(region.key);
      status.set_offset(region.offset);
      status.set_byte_size(region.byte_size);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::SystemSharedMemoryRegister(
    Context* context, const inference::SystemSharedMemoryRegisterRequest* request,
    inference::SystemSharedMemoryRegisterResponse*) {
  return Reply(parts_, context, [&] {
    return parts_.regions.Register(request->name(), request->key(), request->offset(), request->byte_size());
  });
}

grpc::ServerUnaryReactor* InferenceService::SystemSharedMemoryUnregister(
    Context* context, const inference::SystemSharedMemoryUnregisterRequest* request,
    inference::SystemSharedMemoryUnregisterResponse*) {
  return Reply(parts_, context, [&] {
    parts_.regions.Unregister(request->name());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* InferenceService::ModelInfer(Context* context, const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* reply) {
  // gRPC's buffer is not const; the call clears it when it has read it, which the signature would only forbid.
  auto* call = new InferCall(parts_, context, const_cast<grpc::ByteBuffer*>(request), reply);
  call->Start();
  return call;
}

}  // namespace edl
