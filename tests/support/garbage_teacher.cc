// SPDX-License-Identifier: Apache-2.0
#include "tests/support/garbage_teacher.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/inference.grpc.pb.h"
#include "tests/support/rows.h"

namespace edl::test {
namespace {

// The right reply's parts, to be spoilt.
struct Reply {
  std::string model = "rows";
  std::string output = "score";
  std::string dtype = "INT64";
  std::vector<std::int64_t> shape;
  std::string bytes;

  inference::ModelInferResponse ToProto() const {
    inference::ModelInferResponse proto;
    proto.set_model_name(model);
    proto.set_model_version("1");
    if (output.empty()) return proto;
    auto* tensor = proto.add_outputs();
    tensor->set_name(output);
    tensor->set_datatype(dtype);
    for (std::int64_t d : shape) tensor->add_shape(d);
    proto.add_raw_output_contents(bytes);
    return proto;
  }
};

Reply RightReply(const inference::ModelInferRequest& request) {
  const std::string& x = request.raw_input_contents(0);
  Reply reply;
  reply.shape = {static_cast<std::int64_t>(x.size() / 16), 3};
  for (std::size_t at = 0; at < x.size(); at += 16) {
    std::int64_t row[2];
    std::memcpy(row, x.data() + at, sizeof row);
    const std::vector<std::int64_t> label = Label(row[0], row[1]);
    reply.bytes.append(reinterpret_cast<const char*>(label.data()), 24);
  }
  return reply;
}

void Spoil(Reply& reply, Answer answer) {
  switch (answer) {
    case Answer::kRight:
    case Answer::kNotProtobuf:
      return;
    case Answer::kRowTooMany:
      reply.shape[0] += 1;
      reply.bytes.append(24, '\0');
      return;
    case Answer::kRowMissing:
      reply.shape[0] -= 1;
      reply.bytes.resize(reply.bytes.size() - 24);
      return;
    case Answer::kOtherDtype:
      reply.dtype = "FP64";
      return;
    case Answer::kOtherRowShape:
      reply.shape = {reply.shape[0], 1, 3};
      return;
    case Answer::kBytesMissing:
      reply.bytes.pop_back();
      return;
    case Answer::kNoOutput:
      reply.output.clear();
      return;
    case Answer::kOtherOutput:
      reply.output = "scores";
      return;
    case Answer::kOtherModel:
      reply.model = "columns";
      return;
  }
}

}  // namespace

// ModelInfer is raw: a proto's stub could not answer what is no proto.
class GarbageTeacher::Service final : public inference::GRPCInferenceService::WithRawCallbackMethod_ModelInfer<
                                          inference::GRPCInferenceService::Service> {
 public:
  explicit Service(GarbageTeacher& teacher) : teacher_(teacher) {}

  grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                             inference::ModelMetadataResponse* reply) override {
    reply->set_name("rows");
    reply->add_versions("1");
    auto add = [](auto* tensor, const char* name, std::int64_t columns) {
      tensor->set_name(name);
      tensor->set_datatype("INT64");
      tensor->add_shape(-1);
      tensor->add_shape(columns);
    };
    add(reply->add_inputs(), "x", 2);
    add(reply->add_outputs(), "score", 3);
    return grpc::Status::OK;
  }
  grpc::Status ModelReady(grpc::ServerContext*, const inference::ModelReadyRequest*,
                          inference::ModelReadyResponse* reply) override {
    reply->set_ready(true);
    return grpc::Status::OK;
  }

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes,
                                       grpc::ByteBuffer* reply) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const Answer answer = teacher_.answer_;
    inference::ModelInferRequest request;
    grpc::ByteBuffer copy(*bytes);
    if (!grpc::SerializationTraits<inference::ModelInferRequest>::Deserialize(&copy, &request).ok()) {
      reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, "no request"});
      return reactor;
    }
    Reply parts = RightReply(request);
    Spoil(parts, answer);
    const grpc::Slice slice(answer == Answer::kNotProtobuf ? std::string(100, '\xff')
                                                           : parts.ToProto().SerializeAsString());
    *reply = grpc::ByteBuffer(&slice, 1);
    if (answer != Answer::kRight) ++teacher_.garbage_given_;
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  GarbageTeacher& teacher_;
};

GarbageTeacher::GarbageTeacher() : service_(std::make_unique<Service>(*this)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr);
  endpoint_ = "127.0.0.1:" + std::to_string(port);
}

GarbageTeacher::~GarbageTeacher() {
  server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace edl::test
