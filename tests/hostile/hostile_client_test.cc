// SPDX-License-Identifier: Apache-2.0
// Clients that mean harm to a teacher: each is cut off or refused, costs little, and a student of the same teacher goes
// on.
#include <unistd.h>

#include <thread>

#include "gmock/gmock.h"
#include "src/rpc/pushback.h"
#include "src/teacher/server.h"
#include "tests/support/event.h"
#include "tests/support/function_model.h"
#include "tests/support/memory_peak.h"
#include "tests/support/raw_http2.h"
#include "tests/support/student.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using test::RawHttp2;
using ::testing::HasSubstr;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TeacherServerOptions ShortTimes() {
  TeacherServerOptions options;
  options.handshake_timeout = std::chrono::milliseconds(1000);
  return options;
}

std::unique_ptr<TeacherServer> StartServer(const TeacherServerOptions& options,
                                           FunctionModel::Function function = test::ScoreRows) {
  auto server = TeacherServer::Start(options, std::make_unique<FunctionModel>(test::RowModel(), std::move(function)));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

inference::ModelInferRequest OneRow(std::size_t more_bytes = 0) {
  inference::ModelInferRequest request;
  request.set_model_name("rows");
  AddRaw(request, "x", "INT64", {1, 2}, std::vector<std::int64_t>{1, test::Salt(1)});
  if (more_bytes > 0) request.set_id(std::string(more_bytes, '\0'));
  return request;
}

// A student that learns from the teacher while it is attacked.
class HostileClient : public ::testing::Test {
 protected:
  void Start(const TeacherServerOptions& options, FunctionModel::Function function = test::ScoreRows) {
    server_ = StartServer(options, std::move(function));
    student_ = std::make_unique<test::Student>(FixedTeachers({server_->endpoint()}));
    ASSERT_TRUE(student_->AwaitRows(100));
  }
  void TearDown() override {
    ASSERT_TRUE(student_ == nullptr || student_->AwaitRows(100)) << "the student goes on";
    if (student_ == nullptr) return;
    EXPECT_EQ(student_->lane(server_->endpoint()).ejections, 0);
    student_.reset();
  }

  // Sends how a call begins, and more of its headers for as long as they are taken: how many bytes of those, at most
  // `at_most`.
  std::size_t FloodWithHeaders(const std::string& begin, const std::string& more, std::size_t at_most) {
    RawHttp2 flood(server_->endpoint());
    EXPECT_TRUE(flood.Greet() && flood.SendFrame(RawHttp2::kHeaders, RawHttp2::kNone, 1, begin));
    std::size_t sent = 0;
    errno = 0;
    while (sent < at_most && flood.SendFrame(RawHttp2::kContinuation, RawHttp2::kNone, 1, more)) sent += more.size();
    EXPECT_NE(errno, EAGAIN) << "nobody takes them, and nobody says so";
    return sent;
  }

  std::unique_ptr<TeacherServer> server_;
  std::unique_ptr<test::Student> student_;
};

TEST_F(HostileClient, WhoSaysNothingIsCutOff) {
  Start(ShortTimes());
  std::vector<std::unique_ptr<RawHttp2>> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(std::make_unique<RawHttp2>(server_->endpoint()));
  for (auto& connection : silent) {
    ASSERT_TRUE(connection->connected());
    ASSERT_TRUE(connection->AwaitEnd());
  }
}

TEST_F(HostileClient, WhoOpensConnectionsWithoutEndIsTurnedAwayAndPlacesBecomeFreeAgain) {
  TeacherServerOptions options;
  options.max_connections = 20;
  Start(options);
  std::vector<std::unique_ptr<RawHttp2>> flood;
  for (int i = 0; i < 100; ++i) {
    flood.push_back(std::make_unique<RawHttp2>(server_->endpoint()));
    flood.back()->Greet();
  }
  EXPECT_TRUE(flood.back()->AwaitEnd());
  EXPECT_TRUE(student_->AwaitRows(100)) << "it was there before them";
  flood.clear();
  // For a moment there may be no place yet.
  ASSERT_TRUE(student_->Await("a place", [&] { return WireClient(server_->endpoint()).Infer(OneRow()).ok(); }));
}

TEST_F(HostileClient, WhoSpeaksSlowlyIsCutOff) {
  Start(ShortTimes());
  RawHttp2 slow(server_->endpoint());
  ASSERT_TRUE(slow.Send("PRI * HTTP/2.0"));
  EXPECT_TRUE(slow.AwaitEnd());
}

TEST_F(HostileClient, WhoSpeaksAnotherProtocolIsCutOff) {
  Start(ShortTimes());
  for (const char* words :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSH-2.0-x\r\n"}) {
    RawHttp2 other(server_->endpoint());
    ASSERT_TRUE(other.Send(words));
    EXPECT_TRUE(other.AwaitEnd()) << words;
  }
}

TEST_F(HostileClient, WhoConnectsAndAsksNothingIsCutOff) {
  TeacherServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(300);
  auto server = StartServer(options);
  WireClient seldom(server->endpoint());
  EXPECT_TRUE(seldom.Infer(OneRow()).ok());
  RawHttp2 idle(server->endpoint());
  ASSERT_TRUE(idle.Greet());
  EXPECT_TRUE(idle.AwaitEnd());
  EXPECT_TRUE(seldom.Infer(OneRow()).ok()) << "who is well comes back by itself";
}

TEST_F(HostileClient, WhoSendsFramesThatAreNoneIsCutOff) {
  Start(TeacherServerOptions());
  RawHttp2 broken(server_->endpoint());
  ASSERT_TRUE(broken.Greet());
  broken.SendFrame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 1, std::string(100, '\xff'));
  EXPECT_TRUE(broken.AwaitEnd());
}

TEST_F(HostileClient, PingsWithoutEndAreCutOff) {
  Start(TeacherServerOptions());
  RawHttp2 pinging(server_->endpoint());
  ASSERT_TRUE(pinging.Greet());
  for (int i = 0; i < 1000 && pinging.SendFrame(RawHttp2::kPing, RawHttp2::kNone, 0, std::string(8, 'p')); ++i) {
  }
  EXPECT_TRUE(pinging.AwaitEnd());
}

TEST_F(HostileClient, HeadersOfMegabytesAreRefusedAndNotKept) {
  Start(TeacherServerOptions());
  WireClient client(server_->endpoint());
  auto context = WireClient::Context();
  for (int i = 0; i < 100; ++i) context->AddMetadata("k" + std::to_string(i), std::string(10'000, 'v'));
  const test::MemoryPeak peak;
  inference::ModelInferResponse reply;
  const grpc::Status status = client.stub().ModelInfer(context.get(), OneRow(), &reply);
  EXPECT_FALSE(status.ok());
  EXPECT_LT(peak.Megabytes(), 100);
}

// gRPC 1.51 keeps them all.
TEST_F(HostileClient, HeadersWithoutEndAreCutOff) {
  constexpr std::size_t kLong = 2'000 * kMegabyte;
  TeacherServerOptions options;
  options.max_request_bytes = kMegabyte;
  options.max_unfinished_bytes = 16 * kMegabyte;
  Start(options);
  const test::MemoryPeak peak;
  const std::string more = RawHttp2::Encode({{"k", std::string(16'000, 'v')}});
  EXPECT_LT(FloodWithHeaders(RawHttp2::Encode(RawHttp2::CallOf("ModelInfer")), more, kLong), kLong);
  EXPECT_LT(peak.Megabytes(), 1'000);
}

// Of each, gRPC 1.51 makes some 70 bytes, and keeps them.
TEST_F(HostileClient, HeadersThatAByteNamesAreCutOff) {
  constexpr std::size_t kLong = 200 * kMegabyte;
  TeacherServerOptions options;
  options.max_request_bytes = kMegabyte;
  options.max_unfinished_bytes = 2 * kMegabyte;
  Start(options);
  const test::MemoryPeak peak;
  const std::string call = RawHttp2::Encode(RawHttp2::CallOf("ModelInfer")) + RawHttp2::EncodeKept("k", "v");
  EXPECT_LT(FloodWithHeaders(call, std::string(16'000, RawHttp2::kLastKept), kLong), kLong);
  EXPECT_LT(peak.Megabytes(), 1'500);
}

TEST_F(HostileClient, ARequestOverTheLimitIsRefusedWithTheLimit) {
  TeacherServerOptions options;
  options.max_request_bytes = kMegabyte;
  Start(options);
  const grpc::Status status = WireClient(server_->endpoint()).Infer(OneRow(2 * kMegabyte));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("vs. 1048576"));
  EXPECT_TRUE(WireClient(server_->endpoint()).Infer(OneRow(kMegabyte / 2)).ok());
}

TEST_F(HostileClient, ABombIsNotUnpacked) {
  TeacherServerOptions options;
  options.max_request_bytes = kMegabyte;
  Start(options);
  WireClient client(server_->endpoint());
  auto context = WireClient::Context();
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  inference::ModelInferResponse reply;
  const grpc::Status status = client.stub().ModelInfer(context.get(), OneRow(100 * kMegabyte), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << status.error_message();
}

// Complete requests whose replies are never taken: they hold places, and others have theirs.
TEST_F(HostileClient, WhoNeverReadsKeepsNobodyElseOut) {
  TeacherServerOptions options;
  options.max_queued = 15;  // 16 places
  Start(options);
  RawHttp2 deaf(server_->endpoint(), "127.0.0.2");
  ASSERT_TRUE(deaf.Greet(/*window=*/0));
  const std::string request = OneRow().SerializeAsString();
  for (std::uint32_t call = 0; call < 200; ++call) {
    deaf.SendFrame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 2 * call + 1,
                   RawHttp2::Encode(RawHttp2::CallOf("ModelInfer")));
    deaf.SendFrame(RawHttp2::kData, RawHttp2::kEndStream, 2 * call + 1,
                   RawHttp2::Message(static_cast<std::uint32_t>(request.size()), request));
  }
  ASSERT_TRUE(student_->Await("its share", [&] { return server_->stats().in_flight >= 12; }));
  ASSERT_TRUE(student_->AwaitRows(1000));
}

TEST_F(HostileClient, WhoNeverReadsOrNeverEndsARequestIsCutOffInTime) {
  TeacherServerOptions options;
  options.connection_age = std::chrono::milliseconds(500);
  options.connection_grace = std::chrono::milliseconds(500);
  Start(options);
  const std::string request = OneRow().SerializeAsString();
  RawHttp2 deaf(server_->endpoint(), "127.0.0.2"), slow(server_->endpoint(), "127.0.0.3");
  ASSERT_TRUE(deaf.Greet(/*window=*/0) && slow.Greet());
  for (RawHttp2* peer : {&deaf, &slow}) {
    peer->SendFrame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 1, RawHttp2::Encode(RawHttp2::CallOf("ModelInfer")));
  }
  deaf.SendFrame(RawHttp2::kData, RawHttp2::kEndStream, 1,
                 RawHttp2::Message(static_cast<std::uint32_t>(request.size()), request));
  slow.SendFrame(RawHttp2::kData, RawHttp2::kNone, 1, RawHttp2::Message(200 << 20, "begin"));
  EXPECT_TRUE(deaf.AwaitEnd());
  EXPECT_TRUE(slow.AwaitEnd());
  // Whoever is well goes over to another connection each time, and loses nothing by it.
  ASSERT_TRUE(student_->AwaitRows(5000));
  EXPECT_EQ(student_->stats().retried, 0);
}

// It says that more is coming, and it never does.
TEST_F(HostileClient, RequestsThatNeverEndHoldOnlyWhatWasSent) {
  Start(TeacherServerOptions());
  const test::MemoryPeak peak;
  RawHttp2 slow(server_->endpoint());
  ASSERT_TRUE(slow.Greet());
  for (std::uint32_t call = 0; call < 100; ++call) {
    slow.SendFrame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 2 * call + 1,
                   RawHttp2::Encode(RawHttp2::CallOf("ModelInfer")));
    slow.SendFrame(RawHttp2::kData, RawHttp2::kNone, 2 * call + 1, RawHttp2::Message(200 << 20, "begin"));
  }
  ASSERT_TRUE(student_->AwaitRows(1000));
  EXPECT_LT(peak.Megabytes(), 200);
}

TEST(TeacherBounds, AFullQueueSaysWhenToComeBack) {
  Event go;
  TeacherServerOptions options;
  options.max_queued = 1;
  options.client_share = 1;
  auto server = StartServer(options, [&](const auto& inputs) {
    go.Wait();
    return test::ScoreRows(inputs);
  });
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(WireClient(server->endpoint()).Infer(OneRow()).ok()); });
  }
  while (server->stats().in_flight < 2) std::this_thread::yield();
  WireClient client(server->endpoint());
  auto context = WireClient::Context();
  inference::ModelInferResponse reply;
  const grpc::Status status = client.stub().ModelInfer(context.get(), OneRow(), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto& trailers = context->GetServerTrailingMetadata();
  ASSERT_EQ(trailers.count(kPushbackMetadata), 1u);
  const grpc::string_ref told = trailers.find(kPushbackMetadata)->second;
  const int pushback = std::stoi(std::string(told.data(), told.size()));
  EXPECT_GE(pushback, 20);
  EXPECT_LE(pushback, 5000);
  go.Set();
  for (std::thread& caller : callers) caller.join();
}

TEST(TeacherBounds, OneClientsShareLeavesPlacesToOthers) {
  RequestGate gate(/*capacity=*/8, /*client_share=*/0.5);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(gate.Enter("greedy").ok());
  const absl::Status refused = gate.Enter("greedy");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(PushbackOf(refused).has_value());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(gate.Enter("modest-" + std::to_string(i)).ok());
  EXPECT_THAT(std::string(gate.Enter("late").message()), HasSubstr("8 unanswered requests, as many as it accepts"));
  auto end = [&](const std::string& client) {
    gate.Answer(client);
    gate.Leave(client);
  };
  for (int i = 0; i < 4; ++i) end("greedy");
  for (int i = 0; i < 4; ++i) end("modest-" + std::to_string(i));
  EXPECT_EQ(gate.inside(), 0);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(gate.Enter("greedy").ok());
}

TEST(TeacherBounds, WhoseAnswersAreNotSentYetMayAskOnUntilThereAreMany) {
  RequestGate gate(/*capacity=*/8, /*client_share=*/0.5);
  auto answered = [&](const std::string& client) {
    const absl::Status entered = gate.Enter(client);
    if (entered.ok()) gate.Answer(client);
    return entered;
  };
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(answered("deaf").ok());
  EXPECT_THAT(std::string(answered("deaf").message()),
              HasSubstr("32 answers that are not sent yet, 32 of them to you"));
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(answered("modest-" + std::to_string(i)).ok());
  EXPECT_EQ(answered("late").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(gate.inside(), 64);
  for (int i = 0; i < 32; ++i) gate.Leave("deaf");
  EXPECT_TRUE(answered("deaf").ok());
}

TEST(TeacherBounds, ARequestThatWaitsTooLongIsToldToComeBackAndTheNextIsServed) {
  Event go;
  TeacherServerOptions options;
  options.max_wait = std::chrono::milliseconds(50);
  auto server = StartServer(options, [&](const auto& inputs) {
    go.Wait();
    return test::ScoreRows(inputs);
  });
  std::thread busy([&] { EXPECT_TRUE(WireClient(server->endpoint()).Infer(OneRow()).ok()); });
  while (server->stats().calls < 1) std::this_thread::yield();
  WireClient client(server->endpoint());
  auto context = WireClient::Context();
  inference::ModelInferResponse reply;
  const grpc::Status status = client.stub().ModelInfer(context.get(), OneRow(), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("ms for its turn, longer than it may here"));
  EXPECT_EQ(context->GetServerTrailingMetadata().count(kPushbackMetadata), 1u);
  go.Set();
  busy.join();
  EXPECT_TRUE(client.Infer(OneRow()).ok());
}

TEST(TeacherBounds, AStudentObeysAndGetsEveryRow) {
  TeacherServerOptions options;
  options.max_queued = 0;
  auto server = StartServer(options, [](const auto& inputs) {
    Event never;
    never.WaitFor(std::chrono::milliseconds(5));  // meanwhile the student's next request comes
    return test::ScoreRows(inputs);
  });
  auto other = test::StartTeacher();
  test::Student student(FixedTeachers({server->endpoint(), other->endpoint()}));
  ASSERT_TRUE(student.Await("refusals", [&] {
    const ServerStats stats = server->stats();
    return stats.refused() > 3 && stats.answered > 10;
  }));
  ASSERT_TRUE(student.AwaitRows(1000));
  EXPECT_EQ(student.lane(server->endpoint()).ejections, 0) << "it rests";
}

}  // namespace
}  // namespace edl
