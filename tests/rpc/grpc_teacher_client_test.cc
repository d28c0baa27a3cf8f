// SPDX-License-Identifier: Apache-2.0
// Our client against a gRPC server that nobody has configured: what a user's Triton is.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/inference.grpc.pb.h"
#include "src/rpc/keepalive.h"
#include "src/rpc/pushback.h"
#include "src/rpc/teacher_client.h"
#include "tests/support/event.h"
#include "tests/support/eventually.h"
#include "tests/support/foreign_server.h"
#include "tests/support/tcp_proxy.h"

namespace edl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers ModelMetadata; holds ModelInfer until `release`, then refuses it with a pushback.
class PlainService final : public inference::GRPCInferenceService::Service {
 public:
  grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                             inference::ModelMetadataResponse* reply) override {
    reply->set_name("plain");
    return grpc::Status::OK;
  }
  grpc::Status ModelReady(grpc::ServerContext* context, const inference::ModelReadyRequest*,
                          inference::ModelReadyResponse* reply) override {
    reply->set_ready(true);
    MutexLock lock(mu_);
    peers_.push_back(context->peer());
    return grpc::Status::OK;
  }
  grpc::Status ModelInfer(grpc::ServerContext* context, const inference::ModelInferRequest*,
                          inference::ModelInferResponse*) override {
    {
      MutexLock lock(mu_);
      callers_.push_back(context->peer());
    }
    release.Wait();
    context->AddTrailingMetadata("grpc-retry-pushback-ms", "1234");
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  }

  // Who asked for ModelReady.
  std::vector<std::string> peers() {
    MutexLock lock(mu_);
    return peers_;
  }

  // Who asked for ModelInfer.
  std::vector<std::string> callers() {
    MutexLock lock(mu_);
    return callers_;
  }

  Event release;

 private:
  Mutex mu_;
  std::vector<std::string> peers_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> callers_ ABSL_GUARDED_BY(mu_);
};

class DefaultServer : public ::testing::Test {
 protected:
  DefaultServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    endpoint_ = "127.0.0.1:" + std::to_string(port_);
  }
  ~DefaultServer() override {
    service_.release.Set();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  static absl::Status Probe(TeacherClient&, ModelProbe& probe) {
    Event done;
    absl::Status status;
    probe.Start("", std::chrono::milliseconds(60'000), [&](const absl::StatusOr<ModelInfo>& info) {
      status = info.status();
      done.Set();
    });
    done.Wait();
    return status;
  }

  // TCP_USER_TIMEOUT of each of this process's sockets whose peer is there.
  static std::vector<int> UserTimeouts(const std::string& endpoint) {
    const int port = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
    std::vector<int> timeouts;
    for (int fd = 0; fd < 1024; ++fd) {
      sockaddr_in peer{};
      socklen_t size = sizeof(peer);
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || ntohs(peer.sin_port) != port) continue;
      int timeout = -1;
      socklen_t length = sizeof(timeout);
      getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &length);
      timeouts.push_back(timeout);
    }
    return timeouts;
  }

  PlainService service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  std::string endpoint_;
};

TEST_F(DefaultServer, GetsBytesThatNobodyAcknowledgesNoticed) {
  auto client = NewGrpcTeacherClient(endpoint_);
  auto probe = client->NewModelProbe();
  ASSERT_TRUE(Probe(*client, *probe).ok());
  EXPECT_EQ(UserTimeouts(endpoint_), std::vector<int>{kPingTimeout});
}

// How a default server treats pings is what kClientPingTime rests on, so it is shown here beside it.
TEST_F(DefaultServer, IsNotPingedOftenerThanItAllows) {
  constexpr int kFiveMinutes = 300'000;
  EXPECT_GT(kClientPingTime, kFiveMinutes);
  grpc::ChannelArguments keen;
  keen.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  keen.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 50);
  keen.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  auto stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateCustomChannel(endpoint_, grpc::InsecureChannelCredentials(), keen));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  inference::ModelInferResponse reply;

  auto client = NewGrpcTeacherClient(endpoint_);
  auto call = client->NewCall();
  Event done;
  absl::Status status;
  ASSERT_TRUE(call->Start({}, std::chrono::milliseconds(60'000), {},
                          [&](const absl::StatusOr<InferReply>& reply) {
                            status = reply.status();
                            done.Set();
                          })
                  .ok());
  grpc::Status punished = stub->ModelInfer(&context, {}, &reply);  // returns when the server has had enough of it
  EXPECT_EQ(punished.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(punished.error_message(), HasSubstr("Too many pings"));
  service_.release.Set();
  done.Wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status << ": ours has been served to the end";
}

TEST_F(DefaultServer, ItsPushbackComesWithTheStatus) {
  service_.release.Set();
  auto client = NewGrpcTeacherClient(endpoint_);
  auto call = client->NewCall();
  Event done;
  absl::Status status;
  ASSERT_TRUE(call->Start({}, std::chrono::milliseconds(60'000), {},
                          [&](const absl::StatusOr<InferReply>& reply) {
                            status = reply.status();
                            done.Set();
                          })
                  .ok());
  done.Wait();
  EXPECT_EQ(status.message(), "full");
  EXPECT_EQ(PushbackOf(status), std::chrono::milliseconds(1234));
}

TEST_F(DefaultServer, CallsTakeTheChannelsInTurn) {
  service_.release.Set();
  TeacherClientOptions options;
  options.channels = 3;
  auto client = NewGrpcTeacherClient(endpoint_, options);
  std::vector<std::unique_ptr<TeacherCall>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(client->NewCall());
  auto ask_all = [&] {
    for (const auto& call : calls) {
      Event done;
      ASSERT_TRUE(call->Start({}, std::chrono::milliseconds(60'000), {}, [&](const auto&) { done.Set(); }).ok());
      done.Wait();
    }
  };
  ask_all();
  client->Reconnect();
  ask_all();
  const std::vector<std::string> callers = service_.callers();
  ASSERT_EQ(callers.size(), 12u);
  for (std::size_t i : {0, 1, 2, 6, 7, 8}) EXPECT_EQ(callers[i], callers[i + 3]);
  EXPECT_EQ(std::set<std::string>(callers.begin(), callers.end()).size(), 6u);
}

TEST_F(DefaultServer, ReconnectTakesANewConnection) {
  auto client = NewGrpcTeacherClient(endpoint_);
  auto probe = client->NewModelProbe();
  ASSERT_TRUE(Probe(*client, *probe).ok());
  ASSERT_TRUE(Probe(*client, *probe).ok());
  client->Reconnect();
  ASSERT_TRUE(Probe(*client, *probe).ok());
  std::vector<std::string> peers = service_.peers();
  ASSERT_EQ(peers.size(), 3u);
  EXPECT_EQ(peers[0], peers[1]);
  EXPECT_NE(peers[1], peers[2]);
}

TEST_F(DefaultServer, OneThatWasSilentForAWhileCostsNoSocketsForGood) {
  test::TcpProxy wire(endpoint_);
  wire.Stall();
  constexpr std::size_t kClients = 4;  // soon done: none is kept for ever
  for (std::size_t i = 1; i <= kClients; ++i) {
    auto client = NewGrpcTeacherClient(wire.endpoint());
    auto probe = client->NewModelProbe();
    Event done;
    probe->Start("", std::chrono::milliseconds(60'000), [&](const auto&) { done.Set(); });
    test::Eventually([&] { return UserTimeouts(wire.endpoint()).size() == i; });
    probe->Cancel();
    done.Wait();
  }
  wire.Flow();
  test::Eventually([&] { return UserTimeouts(wire.endpoint()).empty(); });
}

TEST_F(DefaultServer, ReconnectLeavesAConnectionThatIsBeingMade) {
  test::TcpProxy wire(endpoint_);
  wire.Stall();
  auto client = NewGrpcTeacherClient(wire.endpoint());
  auto probe = client->NewModelProbe();
  Event done;
  probe->Start("", std::chrono::milliseconds(60'000), [&](const auto&) { done.Set(); });
  test::Eventually([&] { return UserTimeouts(wire.endpoint()).size() == 1; });
  client->Reconnect();
  probe->Cancel();
  done.Wait();
  wire.Flow();
  ASSERT_TRUE(Probe(*client, *probe).ok());
  EXPECT_EQ(UserTimeouts(wire.endpoint()).size(), 1u);
}

// Says that it takes compressed tensors, and answers every request in one way.
class CompressionServer final : public test::ForeignServer {
 public:
  explicit CompressionServer(grpc::StatusCode code)
      : ForeignServer({"m", "1", "", {{"x", DType::kFp32, {-1}}}, {{"y", DType::kFp32, {-1}}}}, {"edl_compression"}),
        code_(code) {
    Start();
  }
  ~CompressionServer() override { Stop(); }

  grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse*) override {
    MutexLock lock(mu_);
    datatypes_.push_back(request->inputs(0).datatype());
    return grpc::Status(code_, "no");
  }
  std::vector<std::string> datatypes() {
    MutexLock lock(mu_);
    return datatypes_;
  }

 private:
  const grpc::StatusCode code_;
  Mutex mu_;
  std::vector<std::string> datatypes_ ABSL_GUARDED_BY(mu_);
};

// A model that fails has not refused compression: the request fails, and is nobody's second one.
TEST(Compression, OnlyWhatIsRefusedIsAskedAgainInTheProtocolsOwnWay) {
  auto asked = [](grpc::StatusCode code) {
    CompressionServer server(code);
    TeacherClientOptions options;
    options.compression.fields["x"] = {DType::kFp16};
    auto client = NewGrpcTeacherClient(server.endpoint(), options);
    auto probe = client->NewModelProbe();
    auto call = client->NewCall();
    Event probed, done;
    probe->Start("", std::chrono::milliseconds(60'000), [&](const auto&) { probed.Set(); });
    probed.Wait();
    const WireTensor x = ToWireTensor("x", Tensor::FromVector<float>({2}, {1, 2}).value());
    EXPECT_TRUE(call->Start({"m", "1", "", {x}, {{"y"}}}, std::chrono::milliseconds(60'000), {},
                            [&](const auto& reply) {
                              EXPECT_FALSE(reply.ok());
                              done.Set();
                            })
                    .ok());
    done.Wait();
    return server.datatypes();
  };
  EXPECT_THAT(asked(grpc::StatusCode::INVALID_ARGUMENT), ElementsAre("FP16", "FP32"));
  EXPECT_THAT(asked(grpc::StatusCode::UNIMPLEMENTED), ElementsAre("FP16", "FP32"));
  EXPECT_THAT(asked(grpc::StatusCode::INTERNAL), ElementsAre("FP16"));
  EXPECT_THAT(asked(grpc::StatusCode::UNAVAILABLE), ElementsAre("FP16"));
}

}  // namespace
}  // namespace edl
