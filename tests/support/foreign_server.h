// SPDX-License-Identifier: Apache-2.0
// ForeignServer: a server of the protocol that is not ours, made of gRPC and Protobuf alone. It describes its model, is
// ready, and says which extensions it has; what it computes, or refuses, its derived class says.
// Lifetime: a derived class calls Start when what its calls use is there, in its constructor, and Stop before that is
//           gone, in its destructor.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/inference.grpc.pb.h"
#include "src/rpc/model_metadata.h"

namespace edl::test {

class ForeignServer : public inference::GRPCInferenceService::Service {
 public:
  const std::string& endpoint() const { return endpoint_; }

  grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                             inference::ModelMetadataResponse* reply) override {
    *reply = ToProto(info_);
    return grpc::Status::OK;
  }
  grpc::Status ModelReady(grpc::ServerContext*, const inference::ModelReadyRequest*,
                          inference::ModelReadyResponse* reply) override {
    reply->set_ready(true);
    return grpc::Status::OK;
  }
  grpc::Status ServerMetadata(grpc::ServerContext*, const inference::ServerMetadataRequest*,
                              inference::ServerMetadataResponse* reply) override {
    for (const std::string& name : extensions_) reply->add_extensions(name);
    return grpc::Status::OK;
  }

 protected:
  ForeignServer(ModelInfo info, std::vector<std::string> extensions)
      : info_(std::move(info)), extensions_(std::move(extensions)) {}

  void Start() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    endpoint_ = "127.0.0.1:" + std::to_string(port);
  }

  void Stop() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  static void AddOutput(const std::string& name, const Tensor& tensor, inference::ModelInferResponse& reply) {
    auto* output = reply.add_outputs();
    output->set_name(name);
    output->set_datatype(DTypeName(tensor.dtype()));
    for (std::int64_t d : tensor.shape()) output->add_shape(d);
    reply.add_raw_output_contents(tensor.data(), tensor.byte_size());
  }

 private:
  const ModelInfo info_;
  const std::vector<std::string> extensions_;
  std::unique_ptr<grpc::Server> server_;
  std::string endpoint_;
};

}  // namespace edl::test
