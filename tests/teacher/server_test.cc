// SPDX-License-Identifier: Apache-2.0
// The teacher's server, as a stranger's client sees it.
#include "src/teacher/server.h"

#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "gmock/gmock.h"
#include "tests/support/event.h"
#include "tests/support/function_model.h"
#include "tests/support/raw_call.h"
#include "tests/support/rows.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using ::testing::HasSubstr;
using Request = inference::ModelInferRequest;

// Takes x FP32 [-1, 2] and n INT64 [-1], gives y FP32 [-1, 2]; throws on a row that holds -1.
ModelInfo Info() {
  return {"doubler",
          "1",
          "test",
          {{"x", DType::kFp32, {-1, 2}}, {"n", DType::kInt64, {-1}}},
          {{"y", DType::kFp32, {-1, 2}}}};
}

absl::StatusOr<std::vector<Tensor>> Double(const std::vector<Tensor>& inputs) {
  std::vector<float> y;
  for (std::int64_t i = 0; i < inputs[0].element_count(); ++i) {
    if (inputs[0].data_as<float>()[i] == -1) throw std::runtime_error("no negative numbers, please");
    y.push_back(2 * inputs[0].data_as<float>()[i]);
  }
  return std::vector<Tensor>{Tensor::FromVector<float>(inputs[0].shape(), std::move(y)).value()};
}

std::unique_ptr<TeacherServer> StartServer(FunctionModel::Function function = Double) {
  TeacherServerOptions options;
  options.max_batch_rows = 8;
  auto server = TeacherServer::Start(options, std::make_unique<FunctionModel>(Info(), std::move(function)));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// x = {1, 2, 3, …}
Request RequestOf(std::int64_t rows) {
  std::vector<float> x(static_cast<std::size_t>(2 * rows));
  std::iota(x.begin(), x.end(), 1.0F);
  Request request;
  request.set_model_name("doubler");
  AddRaw(request, "x", "FP32", {rows, 2}, x);
  AddRaw(request, "n", "INT64", {rows}, std::vector<std::int64_t>(static_cast<std::size_t>(rows)));
  return request;
}

Request GoodRequest() {
  return RequestOf(2);
}

// A wrong request: what is done to a good one, the code, and what the answer says of it.
struct Fault {
  const char* name;
  std::function<void(Request&)> make;
  grpc::StatusCode code;
  std::vector<std::string> says;
};

void SetShape(inference::ModelInferRequest::InferInputTensor& input, const std::vector<std::int64_t>& shape) {
  input.clear_shape();
  for (std::int64_t d : shape) input.add_shape(d);
}

std::vector<Fault> Faults() {
  constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
  constexpr auto kHuge = std::numeric_limits<std::int64_t>::max();
  return {
      {"another model",
       [](Request& r) { r.set_model_name("halver"); },
       grpc::StatusCode::NOT_FOUND,
       {"unknown model 'halver'", "'doubler'"}},
      {"another version",
       [](Request& r) { r.set_model_version("9"); },
       grpc::StatusCode::NOT_FOUND,
       {"unknown version '9'", "version '1'"}},
      {"an input's name",
       [](Request& r) { r.mutable_inputs(0)->set_name("z"); },
       kInvalid,
       {"unknown input 'z'", "takes 'x', 'n'"}},
      {"an input twice",
       [](Request& r) {
         r.mutable_inputs(1)->CopyFrom(r.inputs(0));
         r.set_raw_input_contents(1, r.raw_input_contents(0));
       },
       kInvalid,
       {"input 'x' comes more than once"}},
      {"an input missing",
       [](Request& r) {
         r.mutable_inputs()->RemoveLast();
         r.mutable_raw_input_contents()->RemoveLast();
       },
       kInvalid,
       {"input 'n' is missing"}},
      {"an output's name", [](Request& r) { r.add_outputs()->set_name("q"); }, kInvalid, {"'q'", "'y'"}},
      {"no datatype",
       [](Request& r) { r.mutable_inputs(0)->set_datatype("FLOAT"); },
       kInvalid,
       {"unknown datatype 'FLOAT'"}},
      {"another datatype",
       [](Request& r) { r.mutable_inputs(0)->set_datatype("INT32"); },
       kInvalid,
       {"expected FP32 [-1, 2], got INT32 [2, 2]"}},
      {"another shape",
       [](Request& r) {
         SetShape(*r.mutable_inputs(0), {1, 4});
       },
       kInvalid,
       {"expected FP32 [-1, 2], got FP32 [1, 4]"}},
      {"a shape of another rank", [](Request& r) { SetShape(*r.mutable_inputs(0), {4}); }, kInvalid, {"got FP32 [4]"}},
      {"fewer bytes",
       [](Request& r) { r.mutable_raw_input_contents(0)->pop_back(); },
       kInvalid,
       {"takes 4 x 4 bytes, got 15"}},
      {"more bytes",
       [](Request& r) { r.mutable_raw_input_contents(0)->push_back(0); },
       kInvalid,
       {"takes 4 x 4 bytes, got 17"}},
      {"raw contents missing",
       [](Request& r) { r.mutable_raw_input_contents()->RemoveLast(); },
       kInvalid,
       {"raw_input_contents has 1 entries for 2 inputs"}},
      {"raw contents too many",
       [](Request& r) { r.add_raw_input_contents("more"); },
       kInvalid,
       {"raw_input_contents has 3 entries for 2 inputs"}},
      {"no contents at all", [](Request& r) { r.clear_raw_input_contents(); }, kInvalid, {"takes 4 x 4 bytes, got 0"}},
      {"raw and typed contents",
       [](Request& r) { r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1); },
       kInvalid,
       {"never mix"}},
      {"another datatype that could be widened, but does not ask for it",
       [](Request& r) {
         r.mutable_inputs(0)->set_datatype("FP16");
         r.mutable_raw_input_contents(0)->resize(8);
       },
       kInvalid,
       {"expected FP32 [-1, 2], got FP16 [2, 2]"}},
      {"an input of another datatype, as if it had been FP32",
       [](Request& r) {
         r.mutable_inputs(1)->set_datatype("BF16");
         r.mutable_raw_input_contents(1)->resize(4);
         (*r.mutable_inputs(1)->mutable_parameters())["compressed_from"].set_string_param("FP32");
       },
       kInvalid,
       {"expected INT64 [-1], got FP32 [2]"}},
      {"a tensor that is said to be compressed and is FP32",
       [](Request& r) { (*r.mutable_inputs(0)->mutable_parameters())["compressed_from"].set_string_param("FP32"); },
       kInvalid,
       {"input 'x': dtype is FP32; expected FP16, BF16 or UINT8"}},
      {"quantised without a scale",
       [](Request& r) {
         r.mutable_inputs(0)->set_datatype("UINT8");
         r.mutable_raw_input_contents(0)->resize(4);
         (*r.mutable_inputs(0)->mutable_parameters())["compressed_from"].set_string_param("FP32");
       },
       kInvalid,
       {"input 'x': scale is 0; expected a finite number above 0"}},
      {"more top scores than there are classes",
       [](Request& r) {
         auto* output = r.add_outputs();
         output->set_name("y");
         (*output->mutable_parameters())["top_k"].set_int64_param(2);
       },
       kInvalid,
       {"output 'y' is FP32 [-1, 2]; it cannot come as top 2 logits at temperature 1 in FP32"}},
      {"no rows", [](Request& r) { r = RequestOf(0); }, kInvalid, {"no rows"}},
      {"rows over the limit", [](Request& r) { r = RequestOf(9); }, kInvalid, {"has 9 rows", "at most 8"}},
      {"rows that differ",
       [](Request& r) {
         r.mutable_inputs(1)->set_shape(0, 1);
         r.mutable_raw_input_contents(1)->resize(8);
       },
       kInvalid,
       {"input 'n' has 1 rows, but input 'x' has 2"}},
      {"a negative dimension",
       [](Request& r) {
         SetShape(*r.mutable_inputs(0), {-2, 2});
       },
       kInvalid,
       {"negative dimension"}},
      {"a dimension that overflows",
       [](Request& r) {
         SetShape(*r.mutable_inputs(0), {kHuge, kHuge});
       },
       kInvalid,
       {"[9223372036854775807, 9223372036854775807]"}},
      {"a byte count that overflows",
       [](Request& r) {
         SetShape(*r.mutable_inputs(0), {kHuge / 2, 2});
       },
       kInvalid,
       {"got 16"}},
      {"a model that throws",
       [](Request& r) {
         const float bad = -1;
         r.mutable_raw_input_contents(0)->replace(0, sizeof bad, reinterpret_cast<const char*>(&bad), sizeof bad);
       },
       grpc::StatusCode::INTERNAL,
       {"model 'doubler' threw: no negative numbers, please"}},
  };
}

TEST(TeacherServer, EachWrongRequestIsToldWhatWasExpectedAndTheNextIsServed) {
  auto server = StartServer();
  WireClient client(server->endpoint());
  for (const Fault& fault : Faults()) {
    SCOPED_TRACE(fault.name);
    Request request = GoodRequest();
    fault.make(request);
    grpc::Status status = client.Infer(request);
    EXPECT_EQ(status.error_code(), fault.code) << status.error_message();
    for (const std::string& text : fault.says) EXPECT_THAT(status.error_message(), HasSubstr(text));
    inference::ModelInferResponse reply;
    status = client.Infer(GoodRequest(), &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(RawOutput<float>(reply, 0), (std::vector<float>{2, 4, 6, 8}));
  }
}

TEST(TeacherServer, BytesThatAreNoRequestAreToldSo) {
  auto server = StartServer();
  WireClient client(server->endpoint());
  auto reply =
      test::RawCall(client.channel(), "/inference.GRPCInferenceService/ModelInfer", "\xff\xff\xff\xff nonsense");
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument) << reply.status();
  EXPECT_TRUE(client.Infer(GoodRequest()).ok());
}

TEST(TeacherServer, AModelThatGivesOtherOutputsThanItSaysIsInternal) {
  auto server = StartServer([](const auto&) -> absl::StatusOr<std::vector<Tensor>> {
    return std::vector<Tensor>{Tensor::FromVector<float>({1, 2}, {1, 2}).value()};  // of two rows
  });
  grpc::Status status = WireClient(server->endpoint()).Infer(GoodRequest());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), HasSubstr("with 1 rows for a request of 2"));
}

TEST(TeacherServer, AnswersTheProtocolsQuestionsAboutItself) {
  auto server = StartServer();
  WireClient client(server->endpoint());
  inference::ServerLiveResponse live;
  ASSERT_TRUE(client.stub().ServerLive(WireClient::Context().get(), {}, &live).ok());
  EXPECT_TRUE(live.live());
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(client.stub().ServerReady(WireClient::Context().get(), {}, &ready).ok());
  EXPECT_TRUE(ready.ready());
  EXPECT_TRUE(client.ModelReady("doubler"));
  EXPECT_FALSE(client.ModelReady("halver"));
  inference::ServerMetadataResponse about;
  ASSERT_TRUE(client.stub().ServerMetadata(WireClient::Context().get(), {}, &about).ok());
  EXPECT_EQ(about.name(), "edl-teacher");
  inference::ModelMetadataRequest which;
  which.set_name("doubler");
  inference::ModelMetadataResponse model;
  ASSERT_TRUE(client.stub().ModelMetadata(WireClient::Context().get(), which, &model).ok());
  ASSERT_EQ(model.inputs_size(), 2);
  EXPECT_EQ(model.inputs(0).datatype(), "FP32");
  EXPECT_EQ(model.inputs(0).shape(0), -1);
}

TEST(TeacherServer, AnswersHealthChecksAndReflection) {
  auto server = StartServer();
  WireClient client(server->endpoint());
  for (const char* service : {"", "doubler", "inference.GRPCInferenceService"}) {
    EXPECT_TRUE(test::IsServing(client.channel(), service)) << service;
  }
  EXPECT_FALSE(test::IsServing(client.channel(), "halver"));
  const std::string list_services("\x3a\x00", 2);
  auto services =
      test::RawCall(client.channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services);
  ASSERT_TRUE(services.ok()) << services.status();
  EXPECT_THAT(*services, HasSubstr("inference.GRPCInferenceService"));
  EXPECT_THAT(*services, HasSubstr("grpc.health.v1.Health"));
}

TEST(TeacherServer, DrainingAnswersWhatWasAcceptedAndRefusesTheRest) {
  Event inside, go;
  auto server = StartServer([&](const std::vector<Tensor>& inputs) {
    inside.Set();
    go.Wait();
    return Double(inputs);
  });
  WireClient client(server->endpoint());
  grpc::Status accepted;
  std::thread caller([&] { accepted = client.Infer(GoodRequest()); });
  inside.Wait();
  absl::Status drained;
  std::thread drainer([&] { drained = server->Drain(std::chrono::seconds(60)); });
  while (client.ModelReady("doubler")) std::this_thread::yield();
  EXPECT_FALSE(test::IsServing(client.channel(), "doubler"));
  EXPECT_EQ(client.Infer(GoodRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  go.Set();
  caller.join();
  drainer.join();
  EXPECT_TRUE(accepted.ok()) << accepted.error_message();
  EXPECT_TRUE(drained.ok()) << drained;
}

TEST(TeacherServer, DrainingCutsOffWhatTakesTooLongAndSaysSo) {
  Event inside, go;
  auto server = StartServer([&](const std::vector<Tensor>& inputs) {
    inside.Set();
    go.Wait();
    return Double(inputs);
  });
  WireClient client(server->endpoint());
  grpc::Status accepted;
  std::thread caller([&] { accepted = client.Infer(GoodRequest()); });
  inside.Wait();
  std::thread late([&] {
    caller.join();  // it is answered when the drain gives up on it
    go.Set();
  });
  absl::Status drained = server->Drain(std::chrono::milliseconds(50));
  late.join();
  EXPECT_EQ(drained.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(drained.message()), HasSubstr("1 requests were cut off"));
  EXPECT_FALSE(accepted.ok());
}

TEST(TeacherServer, ARequestWhoseCallerHasGoneIsNotComputed) {
  Event inside, go;
  std::atomic<int> calls{0};
  auto server = StartServer([&](const std::vector<Tensor>& inputs) {
    ++calls;
    inside.Set();
    go.Wait();
    return Double(inputs);
  });
  WireClient client(server->endpoint());
  std::thread running([&] { client.Infer(GoodRequest()); });
  inside.Wait();  // the one instance is busy: the next request waits behind it
  grpc::ClientContext impatient;
  impatient.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
  inference::ModelInferResponse reply;
  EXPECT_EQ(client.stub().ModelInfer(&impatient, GoodRequest(), &reply).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  while (server->stats().skipped == 0) std::this_thread::yield();
  go.Set();
  running.join();
  EXPECT_TRUE(client.Infer(GoodRequest()).ok());
  EXPECT_EQ(calls, 2);
}

TEST(TeacherServerOptions, NamesFieldValueAndRange) {
  auto why_not = [](const TeacherServerOptions& options) { return std::string(options.Validate().message()); };
  TeacherServerOptions options;
  options.instances = 0;
  EXPECT_EQ(why_not(options), "instances is 0; expected 1 to 1024");
  options = {};
  options.listen = {"nowhere"};
  EXPECT_THAT(why_not(options), HasSubstr("listen address 'nowhere': expected host:port"));
  options = {};
  options.max_batch_rows = 0;
  EXPECT_THAT(why_not(options), HasSubstr("max_batch_rows is 0"));
}

TEST(TeacherServer, AModelOfAFixedNumberOfRowsIsRefusedAtTheStart) {
  ModelInfo info = Info();
  info.outputs[0].shape = {32, 2};
  auto server = TeacherServer::Start({}, std::make_unique<FunctionModel>(info, Double));
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(server.status().message()),
              HasSubstr("output 'y' has the shape [32, 2]; expected -1 first, for any number of rows"));
}

TEST(TeacherServer, APortThatIsTakenIsNamed) {
  auto server = StartServer();
  TeacherServerOptions options;
  options.listen = {server->endpoint()};
  auto second = TeacherServer::Start(options, std::make_unique<FunctionModel>(Info(), Double));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("cannot listen on " + server->endpoint()));
}

}  // namespace
}  // namespace edl
