// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/readiness_probe.h"

#include <atomic>
#include <optional>

#include "gmock/gmock.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/inference.grpc.pb.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

// A server of somebody else's, with or without the standard health service.
class ForeignServer final : public inference::GRPCInferenceService::Service {
 public:
  enum class Health { kNone, kServing, kNotServing };

  explicit ForeignServer(Health health, const std::string& listen = "127.0.0.1:0") {
    grpc::EnableDefaultHealthCheckService(health != Health::kNone);  // asked when a server is built
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    endpoint_ = "127.0.0.1:" + std::to_string(port);
    if (health == Health::kNotServing) server_->GetHealthCheckService()->SetServingStatus(false);
  }
  ~ForeignServer() override { server_->Shutdown(); }

  const std::string& endpoint() const { return endpoint_; }
  std::atomic<bool> server_ready{true};
  std::atomic<bool> model_ready{true};
  std::atomic<int> server_ready_calls{0};

 private:
  grpc::Status ServerReady(grpc::ServerContext*, const inference::ServerReadyRequest*,
                           inference::ServerReadyResponse* reply) override {
    ++server_ready_calls;
    reply->set_ready(server_ready);
    return grpc::Status::OK;
  }
  grpc::Status ModelReady(grpc::ServerContext*, const inference::ModelReadyRequest* request,
                          inference::ModelReadyResponse* reply) override {
    if (request->name() != "m") return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such model");
    reply->set_ready(model_ready);
    return grpc::Status::OK;
  }

  std::unique_ptr<grpc::Server> server_;
  std::string endpoint_;
};

std::string Said(const ForeignServer& server, const std::string& model) {
  absl::Status status = ReadinessProbe(server.endpoint(), model).Check(seconds(30));
  return status.ok() ? "ready" : std::string(status.message());
}

TEST(ReadinessProbe, TheHealthServiceHasTheWordWhereThereIsOne) {
  ForeignServer serving(ForeignServer::Health::kServing);
  serving.server_ready = false;
  EXPECT_EQ(Said(serving, ""), "ready");
  EXPECT_EQ(serving.server_ready_calls, 0);
  ForeignServer not_serving(ForeignServer::Health::kNotServing);
  EXPECT_THAT(Said(not_serving, ""), HasSubstr("health check: it says that it does not serve"));
}

TEST(ReadinessProbe, WithoutAHealthServiceServerReadyIsAsked) {
  ForeignServer server(ForeignServer::Health::kNone);
  EXPECT_EQ(Said(server, ""), "ready");
  server.server_ready = false;
  EXPECT_THAT(Said(server, ""), HasSubstr("ServerReady: it says that it is not ready"));
}

TEST(ReadinessProbe, AModelThatIsNamedMustBeReadyToo) {
  for (auto health : {ForeignServer::Health::kNone, ForeignServer::Health::kServing}) {
    ForeignServer server(health);
    EXPECT_EQ(Said(server, "m"), "ready");
    EXPECT_THAT(Said(server, "other"), HasSubstr("ModelReady: no such model"));
    server.model_ready = false;
    EXPECT_THAT(Said(server, "m"), HasSubstr("ModelReady: its model 'm' is not ready"));
  }
}

TEST(ReadinessProbe, AServerThatIsGoneIsNotReadyAndOneThatComesBackIs) {
  std::optional<ForeignServer> server(ForeignServer::Health::kServing);
  ReadinessProbe probe(server->endpoint(), "m");
  EXPECT_TRUE(probe.Check(seconds(30)).ok());
  const std::string endpoint = server->endpoint();
  server.reset();
  EXPECT_EQ(probe.Check(seconds(30)).code(), absl::StatusCode::kUnavailable);
  server.emplace(ForeignServer::Health::kServing, endpoint);
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (!probe.Check(seconds(1)).ok()) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST(ReadinessProbe, TheCheckEndsInTime) {
  ReadinessProbe probe("192.0.2.1:9898", "");  // an address that nobody has
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(probe.Check(milliseconds(50)).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

}  // namespace
}  // namespace edl
