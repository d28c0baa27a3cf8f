// SPDX-License-Identifier: Apache-2.0
#include "bench/naive.h"

#include <cstdio>
#include <cstdlib>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/inference.grpc.pb.h"

namespace edl::bench {

class NaiveServer::Service final : public inference::GRPCInferenceService::Service {
 public:
  explicit Service(const Payload& payload) : payload_(payload) {}

  grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse* response) override {
    if (request->raw_input_contents(0).size() != payload_.batch_bytes()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bytes");
    }
    response->set_model_name(request->model_name());
    auto* output = response->add_outputs();
    output->set_name("score");
    output->set_datatype("FP32");
    output->add_shape(Payload::kRows);
    output->add_shape(payload_.classes);
    response->add_raw_output_contents()->assign(payload_.reply_bytes(), '\0');
    return grpc::Status::OK;
  }

 private:
  const Payload payload_;
};

NaiveServer::NaiveServer(const Payload& payload) : service_(std::make_unique<Service>(payload)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  endpoint_ = "127.0.0.1:" + std::to_string(port);
}

NaiveServer::~NaiveServer() {
  server_->Shutdown();
}

struct NaiveClient::Stub {
  std::unique_ptr<inference::GRPCInferenceService::Stub> rpc;
};

NaiveClient::NaiveClient(const std::string& endpoint)
    : stub_(std::make_unique<Stub>(Stub{inference::GRPCInferenceService::NewStub(
          grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()))})) {}

NaiveClient::~NaiveClient() = default;

void NaiveClient::Call(const Tensor& batch) {
  inference::ModelInferRequest request;
  request.set_model_name("noop");
  auto* input = request.add_inputs();
  input->set_name("image");
  input->set_datatype(DTypeName(batch.dtype()));
  for (std::int64_t d : batch.shape()) input->add_shape(d);
  request.add_raw_input_contents()->assign(static_cast<const char*>(batch.data()), batch.byte_size());
  inference::ModelInferResponse response;
  grpc::ClientContext context;
  const grpc::Status status = stub_->rpc->ModelInfer(&context, request, &response);
  if (status.ok() && response.raw_output_contents_size() == 1) return;
  std::fprintf(stderr, "naive call: %s\n", status.error_message().c_str());
  std::abort();
}

}  // namespace edl::bench
