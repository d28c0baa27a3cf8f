// SPDX-License-Identifier: Apache-2.0
// A teacher says where its requests' time goes: in the protocol's statistics extension, and to who serves it.
#include "src/teacher/model_statistics.h"

#include <stdexcept>
#include <thread>

#include "gmock/gmock.h"
#include "src/teacher/server.h"
#include "tests/support/event.h"
#include "tests/support/function_model.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(LatencyHistogram, GivesQuantilesWithinItsBuckets) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(0));
  for (int ms = 1; ms <= 1000; ++ms) histogram.Add(milliseconds(ms));
  const std::vector<std::pair<double, milliseconds>> exactly = {{0.5, milliseconds(500)}, {0.99, milliseconds(990)}};
  for (const auto& [share, exact] : exactly) {
    EXPECT_GE(histogram.Quantile(share), exact);
    EXPECT_LE(histogram.Quantile(share), exact * 1.19);
  }
}

TEST(LatencyHistogram, CountsAnEdgeWithWhatIsBelowIt) {
  LatencyHistogram histogram;
  for (const nanoseconds latency : {nanoseconds(0), nanoseconds(62500), nanoseconds(milliseconds(1)),
                                    nanoseconds(1'000'001), nanoseconds(std::chrono::hours(1))}) {
    histogram.Add(latency);
  }
  const std::vector<LatencyHistogram::AtMost> edges = histogram.Cumulative();
  EXPECT_EQ(edges.front().seconds, 62.5e-6);
  EXPECT_EQ(edges.front().count, 2);
  EXPECT_EQ(edges[4].seconds, 1e-3);
  EXPECT_EQ(edges[4].count, 3);
  EXPECT_EQ(edges[5].count, 4);
  EXPECT_EQ(edges.back().seconds, 65.536);
  EXPECT_EQ(edges.back().count, 4) << "an hour is longer than all of them";
  EXPECT_EQ(histogram.count(), 5);
}

TEST(LatencyHistogram, ForgetsWhatIsHalvedOften) {
  LatencyHistogram histogram;
  for (int i = 0; i < 8; ++i) histogram.Add(milliseconds(1));
  for (int i = 0; i < 4; ++i) histogram.Halve();
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Quantile(0.99), nanoseconds(0));
}

TEST(ModelStatistics, KeepsSoManyBatchSizesApartAndSumsTheRest) {
  ModelStatistics statistics;
  for (std::int64_t rows = 1; rows <= 1000; ++rows) statistics.CountRun(rows, {});
  for (std::int64_t rows = 1; rows <= 1000; ++rows) statistics.CountRun(rows, {});
  const ModelStatistics::Values values = statistics.Get();
  EXPECT_EQ(values.runs, 2000);
  ASSERT_EQ(values.batches.size(), ModelStatistics::kMostBatchSizes);
  for (const auto& [rows, compute] : values.batches) EXPECT_EQ(compute.infer.count, 2) << rows;
}

// x FP32 [-1], given back; the model throws on a -1, and at a 7 takes 20 ms.
class Server {
 public:
  explicit Server(std::optional<std::chrono::microseconds> max_batch_delay = std::nullopt) {
    TeacherServerOptions options;
    options.max_batch_rows = 6;
    options.max_batch_delay = max_batch_delay;
    auto model = std::make_unique<FunctionModel>(
        ModelInfo{"echo", "1", "test", {{"x", DType::kFp32, {-1}}}, {{"y", DType::kFp32, {-1}}}}, Echo);
    server_ = TeacherServer::Start(options, std::move(model)).value();
  }

  grpc::Status Ask(const std::vector<float>& x, inference::ModelInferResponse* reply, bool times = false) {
    inference::ModelInferRequest request;
    AddRaw(request, "x", "FP32", {static_cast<std::int64_t>(x.size())}, x);
    if (times) (*request.mutable_parameters())["edl_times"].set_bool_param(true);
    WireClient client(server_->endpoint());
    if (!client.Connect()) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "no connection");
    return client.Infer(request, reply);
  }
  grpc::Status Ask(const std::vector<float>& x) {
    inference::ModelInferResponse reply;
    return Ask(x, &reply);
  }

  inference::ModelStatistics Statistics() {
    inference::ModelStatisticsResponse reply;
    const grpc::Status status =
        WireClient(server_->endpoint()).stub().ModelStatistics(WireClient::Context().get(), {}, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.model_stats_size(), 1);
    return reply.model_stats(0);
  }

  TeacherServer& server() { return *server_; }

 private:
  static absl::StatusOr<std::vector<Tensor>> Echo(const std::vector<Tensor>& inputs) {
    Event never;
    for (std::int64_t i = 0; i < inputs[0].rows(); ++i) {
      if (inputs[0].data_as<float>()[i] == -1) throw std::runtime_error("no negative numbers, please");
      if (inputs[0].data_as<float>()[i] == 7) never.WaitFor(milliseconds(20));
    }
    return inputs;
  }

  std::unique_ptr<TeacherServer> server_;
};

TEST(ModelStatistics, CountsRequestsRowsAndRunsOfTheModel) {
  Server server;
  EXPECT_EQ(server.Statistics().last_inference(), 0u);
  EXPECT_TRUE(server.Ask({1, 2, 3}).ok());
  EXPECT_TRUE(server.Ask({1, 7, 3}).ok());
  EXPECT_FALSE(server.Ask({-1}).ok());
  EXPECT_FALSE(server.Ask({1, 2, 3, 4, 5, 6, 7}).ok()) << "refused, which is no failure of the model";
  const inference::ModelStatistics statistics = server.Statistics();
  EXPECT_EQ(statistics.name(), "echo");
  EXPECT_EQ(statistics.version(), "1");
  EXPECT_GT(statistics.last_inference(), 1'700'000'000'000u);
  EXPECT_EQ(statistics.inference_count(), 6u);
  EXPECT_EQ(statistics.execution_count(), 2u);
  const inference::InferStatistics& requests = statistics.inference_stats();
  EXPECT_EQ(requests.success().count(), 2u);
  EXPECT_EQ(requests.fail().count(), 1u);
  EXPECT_GT(requests.fail().ns(), 0u);
  EXPECT_EQ(requests.compute_infer().count(), 2u);
  EXPECT_GE(requests.compute_infer().ns(), 20'000'000u);
  EXPECT_LE(requests.queue().ns() + requests.compute_input().ns() + requests.compute_infer().ns() +
                requests.compute_output().ns(),
            requests.success().ns());
  ASSERT_EQ(statistics.batch_stats_size(), 1);
  EXPECT_EQ(statistics.batch_stats(0).batch_size(), 3u);
  EXPECT_EQ(statistics.batch_stats(0).compute_infer().count(), 2u);
  EXPECT_EQ(statistics.batch_stats(0).compute_infer().ns(), requests.compute_infer().ns());
}

TEST(ModelStatistics, CountsARunOfSeveralRequestsOnce) {
  Server server(std::chrono::seconds(1));
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) callers.emplace_back([&] { EXPECT_TRUE(server.Ask({1, 7}).ok()); });
  for (std::thread& caller : callers) caller.join();
  const inference::ModelStatistics statistics = server.Statistics();
  EXPECT_EQ(statistics.inference_count(), 6u);
  EXPECT_EQ(statistics.execution_count(), 1u);
  ASSERT_EQ(statistics.batch_stats_size(), 1);
  EXPECT_EQ(statistics.batch_stats(0).batch_size(), 6u);
  EXPECT_EQ(statistics.inference_stats().compute_infer().count(), 3u);
  EXPECT_EQ(statistics.inference_stats().compute_infer().ns(), 3 * statistics.batch_stats(0).compute_infer().ns());
}

TEST(ModelStatistics, AreOfTheModelThatIsServedAndOfNoOther) {
  Server server;
  WireClient client(server.server().endpoint());
  inference::ModelStatisticsRequest request;
  inference::ModelStatisticsResponse reply;
  request.set_name("another");
  const grpc::Status status = client.stub().ModelStatistics(WireClient::Context().get(), request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("this teacher serves 'echo'"));
}

TEST(ServerStats, ShowWhatIsGoingOnAndHowLongItTakes) {
  Event inside, go;
  auto model = std::make_unique<FunctionModel>(
      ModelInfo{"echo", "1", "test", {{"x", DType::kFp32, {-1}}}, {{"y", DType::kFp32, {-1}}}},
      [&](const std::vector<Tensor>& inputs) -> absl::StatusOr<std::vector<Tensor>> {
        inside.Set();
        go.Wait();
        return inputs;
      });
  auto server = TeacherServer::Start({}, std::move(model)).value();
  EXPECT_EQ(server->stats().latency_p50, nanoseconds(0));
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      inference::ModelInferRequest request;
      AddRaw<float>(request, "x", "FP32", {1}, {1});
      WireClient client(server->endpoint());
      EXPECT_TRUE(client.Connect() && client.Infer(request).ok());
    });
  }
  inside.Wait();
  while (server->stats().accepted < 3) std::this_thread::yield();
  EXPECT_EQ(server->stats().in_flight, 3);
  EXPECT_EQ(server->stats().queued, 2);
  go.Set();
  for (std::thread& caller : callers) caller.join();
  while (server->stats().in_flight > 0) std::this_thread::yield();  // gRPC tells that a call is over after its answer
  EXPECT_EQ(server->stats().queued, 0);
  EXPECT_GT(server->stats().latency_p50, nanoseconds(0));
  EXPECT_GE(server->stats().latency_p99, server->stats().latency_p50);
}

TEST(ReplyTimes, AreToldToWhoAsksForThem) {
  Server server;
  inference::ServerMetadataResponse about;
  WireClient client(server.server().endpoint());
  ASSERT_TRUE(client.stub().ServerMetadata(WireClient::Context().get(), {}, &about).ok());
  EXPECT_THAT(about.extensions(), Contains("statistics"));
  EXPECT_THAT(about.extensions(), Contains("edl_times"));
  inference::ModelInferResponse reply;
  ASSERT_TRUE(server.Ask({7}, &reply).ok());
  EXPECT_EQ(reply.parameters_size(), 0);
  ASSERT_TRUE(server.Ask({7}, &reply, /*times=*/true).ok());
  EXPECT_GE(reply.parameters().at("compute_ns").int64_param(), 20'000'000);
  EXPECT_GE(reply.parameters().at("queue_ns").int64_param(), 0);
}

}  // namespace
}  // namespace edl
