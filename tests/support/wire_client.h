// SPDX-License-Identifier: Apache-2.0
// WireClient: a plain protobuf and gRPC client of the Open Inference Protocol, that shares no code with ours.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "proto/inference.grpc.pb.h"

namespace edl {

class WireClient {
 public:
  explicit WireClient(const std::string& endpoint) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    arguments.SetMaxReceiveMessageSize(-1);
    channel_ = grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  inference::GRPCInferenceService::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // gRPC's first connection of several that are begun at once fails now and then, and with it the first call; this one
  // waits until it stands.
  bool Connect() { return channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(60)); }

  // Every call is bounded, so that a test that goes wrong ends.
  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return context;
  }

  grpc::Status Infer(const inference::ModelInferRequest& request, inference::ModelInferResponse* reply) {
    return stub_->ModelInfer(Context().get(), request, reply);
  }
  grpc::Status Infer(const inference::ModelInferRequest& request) {
    inference::ModelInferResponse reply;
    return Infer(request, &reply);
  }

  bool ModelReady(const std::string& name) {
    inference::ModelReadyRequest request;
    inference::ModelReadyResponse reply;
    request.set_name(name);
    return stub_->ModelReady(Context().get(), request, &reply).ok() && reply.ready();
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

// Adds an input with raw contents.
template <typename T>
void AddRaw(inference::ModelInferRequest& request, const std::string& name, const std::string& datatype,
            const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
  auto* input = request.add_inputs();
  input->set_name(name);
  input->set_datatype(datatype);
  for (std::int64_t d : shape) input->add_shape(d);
  request.add_raw_input_contents(values.data(), values.size() * sizeof(T));
}

// The raw output at `index`.
template <typename T>
std::vector<T> RawOutput(const inference::ModelInferResponse& reply, int index) {
  const std::string& bytes = reply.raw_output_contents(index);
  std::vector<T> values(bytes.size() / sizeof(T));
  bytes.copy(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T));
  return values;
}

}  // namespace edl
