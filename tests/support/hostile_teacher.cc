// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile_teacher.h"

#include <chrono>
#include <cstdint>
#include <cstring>

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/support/rows.h"

namespace edl::test {
namespace {

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

// One call, of any method: read the request, play the act, end. gRPC deletes nothing: OnDone does.
class HostileTeacher::Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(HostileTeacher& teacher, grpc::GenericCallbackServerContext* context) : teacher_(teacher), context_(context) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "no request"});
    const std::string& path = context_->method();
    act_ = teacher_.Ask(path.substr(path.rfind('/') + 1), BytesOf(request_));
    if (act_.gzip) context_->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [key, value] : act_.trailers) context_->AddTrailingMetadata(key, value);
    WriteNext();
  }

  void WriteNext() {
    if (next_ == act_.messages.size()) return Finish(act_.status);
    if (next_ == 0 || next_ + 1 < act_.messages.size() || !reply_.Valid()) reply_ = BufferOf(act_.messages[next_]);
    StartWrite(&reply_);
    if (!act_.endless || next_ + 1 < act_.messages.size()) ++next_;
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    WriteNext();
  }

  void OnDone() override { delete this; }

  HostileTeacher& teacher_;
  grpc::GenericCallbackServerContext* const context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer reply_;
  Act act_;
  std::size_t next_ = 0;
};

class HostileTeacher::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(HostileTeacher& teacher) : teacher_(teacher) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(teacher_, context);
  }

 private:
  HostileTeacher& teacher_;
};

HostileTeacher::HostileTeacher(Script script) : script_(std::move(script)), service_(std::make_unique<Service>(*this)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr);
  endpoint_ = "127.0.0.1:" + std::to_string(port);
}

HostileTeacher::~HostileTeacher() {
  server_->Shutdown(std::chrono::system_clock::now());
}

void HostileTeacher::set_script(Script script) {
  MutexLock lock(mu_);
  script_ = std::move(script);
}

Act HostileTeacher::Ask(const std::string& method, const std::string& request) {
  Script script;
  {
    MutexLock lock(mu_);
    script = script_;
  }
  auto* plain = script.target<Act (*)(const std::string&, const std::string&)>();
  if (plain == nullptr || *plain != Honest) ++attacks_;
  return script(method, request);
}

Act HostileTeacher::Honest(const std::string& method, const std::string& request) {
  Act act;
  if (method == "ModelMetadata") {
    act.messages = {RightMetadata().SerializeAsString()};
  } else if (method == "ModelReady") {
    inference::ModelReadyResponse ready;
    ready.set_ready(true);
    act.messages = {ready.SerializeAsString()};
  } else if (method == "ModelInfer") {
    act.messages = {RightReply(request).SerializeAsString()};
  } else {
    act.status = {grpc::StatusCode::UNIMPLEMENTED, ""};
  }
  return act;
}

inference::ModelInferResponse HostileTeacher::RightReply(const std::string& bytes) {
  inference::ModelInferRequest request;
  inference::ModelInferResponse reply;
  if (!request.ParseFromString(bytes) || request.raw_input_contents_size() != 1) return reply;
  const std::string& x = request.raw_input_contents(0);
  reply.set_model_name("rows");
  reply.set_model_version("1");
  auto* score = reply.add_outputs();
  score->set_name("score");
  score->set_datatype("INT64");
  score->add_shape(static_cast<std::int64_t>(x.size() / 16));
  score->add_shape(3);
  std::string& raw = *reply.add_raw_output_contents();
  for (std::size_t at = 0; at + 16 <= x.size(); at += 16) {
    std::int64_t row[2];
    std::memcpy(row, x.data() + at, sizeof row);
    const std::vector<std::int64_t> label = Label(row[0], row[1]);
    raw.append(reinterpret_cast<const char*>(label.data()), label.size() * sizeof label[0]);
  }
  return reply;
}

inference::ModelMetadataResponse HostileTeacher::RightMetadata() {
  inference::ModelMetadataResponse metadata;
  metadata.set_name("rows");
  metadata.add_versions("1");
  auto add = [](auto* tensor, const char* name, std::int64_t columns) {
    tensor->set_name(name);
    tensor->set_datatype("INT64");
    tensor->add_shape(-1);
    tensor->add_shape(columns);
  };
  add(metadata.add_inputs(), "x", 2);
  add(metadata.add_outputs(), "score", 3);
  return metadata;
}

}  // namespace edl::test
