// SPDX-License-Identifier: Apache-2.0
// Fields and soft labels that travel in fewer bytes: within the bounds of compression.h, in one form from all teachers.
#include "edl/compression.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "src/base/mutex.h"
#include "src/teacher/server.h"
#include "tests/support/event.h"
#include "tests/support/foreign_server.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using test::NewReader;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kRows = 8;
constexpr std::int64_t kClasses = 5;

// Of row x = {a, b} the scores a + c * b, c = 0 to 4.
std::vector<float> ScoresOf(const float* x, std::int64_t rows) {
  std::vector<float> scores;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < kClasses; ++c) scores.push_back(x[2 * r] + static_cast<float>(c) * x[2 * r + 1]);
  }
  return scores;
}

ModelInfo Info() {
  return {"scores", "1", "test", {{"x", DType::kFp32, {-1, 2}}}, {{"score", DType::kFp32, {-1, kClasses}}}};
}

// Keeps what came last; then `before` says whether it answers.
struct Teacher {
  explicit Teacher(std::function<absl::Status()> before = absl::OkStatus) {
    auto infer = [this, before](const std::vector<Tensor>& inputs) -> absl::StatusOr<std::vector<Tensor>> {
      const float* x = inputs[0].data_as<float>();
      Keep(std::vector<float>(x, x + inputs[0].element_count()));
      if (absl::Status status = before(); !status.ok()) return status;
      return std::vector<Tensor>{
          Tensor::FromVector({inputs[0].rows(), kClasses}, ScoresOf(x, inputs[0].rows())).value()};
    };
    server = TeacherServer::Start({}, std::make_unique<FunctionModel>(Info(), infer)).value();
  }

  std::vector<float> seen() {
    MutexLock lock(mu);
    return last;
  }
  void Keep(std::vector<float> x) {
    MutexLock lock(mu);
    last = std::move(x);
  }

  Mutex mu;
  std::vector<float> last ABSL_GUARDED_BY(mu);
  std::unique_ptr<TeacherServer> server;
};

std::vector<float> SomeValues() {
  std::vector<float> values(2 * kRows);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1f + static_cast<float>(i) / 7;
  return values;
}

std::unique_ptr<BatchSource> OneBatch(std::vector<float> values = SomeValues()) {
  return FromBatches([values](std::int64_t) -> Generator<Fields> {
    return [values, given = false]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (std::exchange(given, true)) return std::optional<Fields>();
      return std::optional<Fields>(Fields{Tensor::FromVector<float>({kRows, 2}, values).value()});
    };
  });
}

ReaderOptions Options(Compression compression) {
  ReaderOptions options;
  options.fields = {"x"};
  options.predictions = {"score"};
  options.teacher_batch_rows = kRows;
  options.num_epochs = 1;
  options.compression = std::move(compression);
  return options;
}

absl::StatusOr<DistilledBatch> Distil(const std::string& endpoint, Compression compression,
                                      std::vector<float> values = SomeValues()) {
  auto reader = NewReader(OneBatch(std::move(values)), FixedTeachers({endpoint}), Options(std::move(compression)));
  absl::StatusOr<std::optional<DistilledBatch>> batch = reader->Next();
  if (!batch.ok()) return batch.status();
  return **std::move(batch);
}

std::vector<float> Floats(const Tensor& tensor) {
  return std::vector<float>(tensor.data_as<float>(), tensor.data_as<float>() + tensor.element_count());
}

TEST(Compression, FieldsArriveWithinTheirBoundsAndComeOutAsTheyWere) {
  const std::vector<float> sent = SomeValues();
  const std::vector<std::pair<FieldCompression, std::function<float(float)>>> bounds = {
      {{DType::kFp16}, [](float x) { return std::ldexp(x, -11); }},
      {{DType::kBf16}, [](float x) { return std::ldexp(x, -8); }},
      {{DType::kUint8, 0.02, 10}, [](float) { return 0.01001f; }}};
  for (const auto& [how, bound] : bounds) {
    SCOPED_TRACE(how.ToString());
    Teacher teacher;
    DistilledBatch batch = Distil(teacher.server->endpoint(), {{{"x", how}}, {}}).value();
    EXPECT_EQ(Floats(batch.at("x")), sent);
    const std::vector<float> seen = teacher.seen();
    ASSERT_EQ(seen.size(), sent.size());
    EXPECT_NE(seen, sent);
    for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_LE(std::abs(seen[i] - sent[i]), bound(sent[i]));
    EXPECT_EQ(Floats(batch.at("score")), ScoresOf(seen.data(), kRows));
  }
}

// For ever the same batch, which is worth the shared memory.
struct LargeBatches {
  static constexpr std::int64_t kMany = 16'384;

  LargeBatches() : values(2 * kMany) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1'000) / 7;
    exact = ScoresOf(values.data(), kMany);
    const Tensor x = Tensor::FromVector({kMany, 2}, values).value();
    auto endless = FromBatches([x](std::int64_t) -> Generator<Fields> {
      return [x]() -> absl::StatusOr<std::optional<Fields>> { return std::optional<Fields>(Fields{x}); };
    });
    ReaderOptions options = Options({{{"x", {DType::kFp16}}}, {{"score", {DType::kFp16}}}});
    options.teacher_batch_rows = kMany;
    reader = NewReader(std::move(endless), FixedTeachers({teacher.server->endpoint()}), options);
  }
  std::vector<float> NextScores() { return Floats((*reader->Next().value()).at("score")); }

  Teacher teacher;
  std::vector<float> values;
  std::vector<float> exact;
  std::unique_ptr<DistillReader> reader;
};

TEST(Compression, WhatLiesInSharedMemoryIsNotCompressedButItsSoftLabelsAre) {
  LargeBatches large;
  bool in_full = false;  // until the first slot is registered, requests travel
  while (!in_full) {
    const std::vector<float> got = large.NextScores();
    in_full = large.teacher.seen() == large.values;
    ASSERT_NE(got, large.exact);
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], large.exact[i], large.exact[i] / 500 + 1e-6);
  }
}

TEST(Compression, AServerThatHasForgottenItsSharedMemoryStillCompresses) {
  LargeBatches large;
  while (large.teacher.seen() != large.values) large.NextScores();
  WireClient client(large.teacher.server->endpoint());
  inference::SystemSharedMemoryUnregisterResponse reply;
  ASSERT_TRUE(client.stub().SystemSharedMemoryUnregister(WireClient::Context().get(), {}, &reply).ok());
  while (large.NextScores() != large.exact) {
  }  // until it has refused what lay there, and answered the plain request
  bool compresses = false;
  for (int i = 0; i < 1'000 && !compresses; ++i) compresses = large.NextScores() != large.exact;
  EXPECT_TRUE(compresses);
}

TEST(Compression, AFieldWithAValueThatDoesNotFitTravelsInFull) {
  Teacher teacher;
  std::vector<float> values = SomeValues();
  values[5] = 1e6f;
  DistilledBatch batch = Distil(teacher.server->endpoint(), {{{"x", {DType::kFp16}}}, {}}, values).value();
  EXPECT_EQ(teacher.seen(), values);
  EXPECT_EQ(Floats(batch.at("score")), ScoresOf(values.data(), kRows));
}

TEST(Compression, ScoresBeyondHalvesAreTheHighestThatTheseHave) {
  Teacher teacher;
  std::vector<float> values = SomeValues();
  values[0] = -1e9f;
  values[1] = 0;
  values[2] = 1e9f;
  values[3] = std::numeric_limits<float>::infinity();
  DistilledBatch batch = Distil(teacher.server->endpoint(), {{}, {{"score", {DType::kFp16}}}}, values).value();
  const float* scores = batch.at("score").data_as<float>();
  EXPECT_EQ(scores[0], -65504.0f);
  EXPECT_EQ(scores[kClasses + 1], std::numeric_limits<float>::infinity());
}

TEST(Compression, SoftLabelsComeBackAsHalvesAndComeOutAsFloats) {
  Teacher teacher;
  DistilledBatch batch = Distil(teacher.server->endpoint(), {{}, {{"score", {DType::kFp16}}}}).value();
  const std::vector<float> want = ScoresOf(teacher.seen().data(), kRows), got = Floats(batch.at("score"));
  ASSERT_EQ(batch.at("score").shape(), (Shape{kRows, kClasses}));
  EXPECT_NE(got, want);
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_LE(std::abs(got[i] - want[i]), std::ldexp(want[i], -11));
}

void ExpectTopTwo(const DistilledBatch& batch) {
  EXPECT_THAT(*batch.names, ElementsAre("x", "score", "score.index", "score.rest"));
  ASSERT_EQ(batch.predictions.size(), 3u);
  ASSERT_EQ(batch.at("score").shape(), (Shape{kRows, 2}));
  ASSERT_EQ(batch.at("score.index").shape(), (Shape{kRows, 2}));
  ASSERT_EQ(batch.at("score.rest").shape(), (Shape{kRows}));
  const std::vector<float> all = ScoresOf(SomeValues().data(), kRows);
  for (std::int64_t r = 0; r < kRows; ++r) {
    const float* row = all.data() + r * kClasses;
    EXPECT_EQ(batch.at("score.index").data_as<std::int32_t>()[2 * r], 4);
    EXPECT_EQ(batch.at("score.index").data_as<std::int32_t>()[2 * r + 1], 3);
    EXPECT_EQ(batch.at("score").data_as<float>()[2 * r], row[4]);
    EXPECT_EQ(batch.at("score").data_as<float>()[2 * r + 1], row[3]);
    EXPECT_FLOAT_EQ(batch.at("score.rest").data_as<float>()[r], row[0] + row[1] + row[2]);
  }
}

const Compression kTopTwo{{}, {{"score", {DType::kFp32, 2, Scores::kProbabilities}}}};

TEST(Compression, OnlyTheHighestScoresComeWithTheMassOfTheRest) {
  Teacher teacher;
  ExpectTopTwo(Distil(teacher.server->endpoint(), kTopTwo).value());
}

TEST(Compression, SampleListsGetTheirTopScoresRowByRow) {
  Teacher teacher;
  auto lists = FromSampleLists([](std::int64_t) -> Generator<SampleList> {
    return [given = false]() mutable -> absl::StatusOr<std::optional<SampleList>> {
      if (std::exchange(given, true)) return std::optional<SampleList>();
      return std::optional<SampleList>(SampleList{{Tensor::FromVector<float>({2}, {1, 2}).value()},
                                                  {Tensor::FromVector<float>({2}, {1, -2}).value()}});
    };
  });
  auto reader = NewReader(std::move(lists), FixedTeachers({teacher.server->endpoint()}), Options(kTopTwo));
  const DistilledBatch list = *reader->Next().value();
  ASSERT_EQ(list.samples.size(), 2u);
  ASSERT_EQ(list.samples[1].predictions.size(), 3u);
  EXPECT_THAT(Floats(list.samples[0].predictions[0]), ElementsAre(9, 7));
  EXPECT_EQ(list.samples[1].predictions[1].shape(), (Shape{2}));
  EXPECT_THAT(Floats(list.samples[1].predictions[0]), ElementsAre(1, -1));
  EXPECT_THAT(Floats(list.samples[1].predictions[2]), ElementsAre(-15));
}

// A server of the protocol alone: it does not know the parameters, whatever it says that it has.
class PlainServer final : public test::ForeignServer {
 public:
  explicit PlainServer(std::vector<std::string> extensions = {}) : ForeignServer(Info(), std::move(extensions)) {
    Start();
  }
  ~PlainServer() override { Stop(); }

  bool parameters() const { return parameters_; }
  int requests() const { return requests_; }
  int refused() const { return refused_; }

  grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse* reply) override {
    ++requests_;
    parameters_ =
        request->inputs(0).parameters_size() + request->outputs(0).parameters_size() + request->parameters_size() != 0;
    const std::string& bytes = request->raw_input_contents(0);
    if (request->inputs(0).datatype() != "FP32" || bytes.size() % 8 != 0) {
      ++refused_;
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "expected FP32");
    }
    const auto rows = static_cast<std::int64_t>(bytes.size() / 8);
    std::vector<float> x(bytes.size() / 4);
    std::memcpy(x.data(), bytes.data(), bytes.size());
    AddOutput("score", Tensor::FromVector({rows, kClasses}, ScoresOf(x.data(), rows)).value(), *reply);
    return grpc::Status::OK;
  }

 private:
  std::atomic<bool> parameters_{false};
  std::atomic<int> requests_{0};
  std::atomic<int> refused_{0};
};

TEST(Compression, AServerWithoutItIsSentFloatsAndTheReaderPicksTheHighestScores) {
  PlainServer server;
  Compression compression = kTopTwo;
  compression.fields["x"] = {DType::kFp16};
  ExpectTopTwo(Distil(server.endpoint(), compression).value());
  EXPECT_FALSE(server.parameters());
  EXPECT_EQ(Floats(Distil(server.endpoint(), {{}, {{"score", {DType::kFp16}}}})->at("score")),
            ScoresOf(SomeValues().data(), kRows));
}

// A reader of both, once both are there. Its batches have values that are the same in every form.
struct MixedFleet {
  static constexpr std::int64_t kMany = 8 * kRows;

  MixedFleet(const Teacher& teacher, const PlainServer& plain, std::function<void(ReaderOptions&)> change = {}) {
    const Tensor x = Tensor::FromVector<float>({kMany, 2}, std::vector<float>(2 * kMany, 0.5f)).value();
    auto endless = FromBatches([x](std::int64_t) -> Generator<Fields> {
      return [x]() -> absl::StatusOr<std::optional<Fields>> { return std::optional<Fields>(Fields{x}); };
    });
    Compression compression = kTopTwo;
    compression.fields["x"] = {DType::kFp16};
    ReaderOptions options = Options(compression);
    if (change) change(options);
    reader = NewReader(std::move(endless), FixedTeachers({teacher.server->endpoint(), plain.endpoint()}), options);
    auto both_ready = [&] {
      const std::vector<LaneStats> lanes = reader->Stats().lanes;
      return lanes.size() == 2 && lanes[0].state == "ready" && lanes[1].state == "ready";
    };
    while (!both_ready()) std::this_thread::yield();
  }

  // Reads batches, all of one form, until that is so.
  void Read(const std::function<bool()>& enough) {
    while (!enough()) {
      const absl::StatusOr<std::optional<DistilledBatch>> batch = reader->Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_EQ((*batch)->at("score.index").shape(), (Shape{kMany, 2}));
      ASSERT_EQ((*batch)->at("score.rest").shape(), (Shape{kMany}));
      for (std::int64_t r = 0; r < kMany; ++r) {
        ASSERT_EQ((*batch)->at("score").data_as<float>()[2 * r], 2.5f);
        ASSERT_EQ((*batch)->at("score.rest").data_as<float>()[r], 3.0f);
      }
      ++batches;
    }
  }

  std::unique_ptr<DistillReader> reader;
  int batches = 0;
};

// Rows of one batch go to both, and the prediction is joined of what both answer.
TEST(Compression, AMixedFleetGivesTensorsOfOneForm) {
  Teacher teacher;
  PlainServer plain;
  MixedFleet fleet(teacher, plain);
  ASSERT_NO_FATAL_FAILURE(fleet.Read([&] { return fleet.batches == 200; }));
  EXPECT_GT(plain.requests(), 0);
  EXPECT_FALSE(teacher.seen().empty());
}

TEST(Compression, ARetryGoesInTheFormOfTheTeacherThatTakesIt) {
  Teacher failing([] { return absl::UnavailableError("not now"); });
  PlainServer plain;
  MixedFleet fleet(failing, plain);
  ASSERT_NO_FATAL_FAILURE(fleet.Read([&] { return fleet.batches >= 50 && fleet.reader->Stats().retried > 0; }));
  EXPECT_FALSE(failing.seen().empty());
  EXPECT_EQ(plain.refused(), 0);
}

TEST(Compression, AHedgeGoesInTheFormOfTheTeacherThatTakesIt) {
  std::atomic<bool> hangs{false};
  Event release;
  Teacher teacher([&] {
    if (hangs) release.Wait();
    return absl::OkStatus();
  });
  PlainServer plain;
  MixedFleet fleet(teacher, plain, [](ReaderOptions& options) { options.hedge_budget = 1; });
  ASSERT_NO_FATAL_FAILURE(fleet.Read([&] { return fleet.batches == 100; }));
  hangs = true;
  ASSERT_NO_FATAL_FAILURE(fleet.Read([&] { return fleet.reader->Stats().hedges_won > 0; }));
  EXPECT_EQ(plain.refused(), 0);
  release.Set();
  hangs = false;
  const int before = fleet.batches;
  ASSERT_NO_FATAL_FAILURE(fleet.Read([&] { return fleet.batches == before + 50; }));
}

// A teacher is taken back for a version of before, while its lane is idle and notices nothing.
TEST(Compression, AServerThatHasLostItIsAskedInTheProtocolsOwnWay) {
  PlainServer server({"edl_compression"});
  Compression compression = kTopTwo;
  compression.fields["x"] = {DType::kFp16};
  ReaderOptions options = Options(compression);
  options.num_epochs = 0;
  auto reader = NewReader(OneBatch(), FixedTeachers({server.endpoint()}), options);
  for (int epoch = 0; epoch < 40; ++epoch) {
    absl::StatusOr<std::optional<DistilledBatch>> batch = reader->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ExpectTopTwo(**batch);
    ASSERT_FALSE((*reader->Next()).has_value());
  }
  EXPECT_GT(server.refused(), 0);
  EXPECT_LE(server.refused(), options.window);  // what was on its way before the first was refused
  EXPECT_EQ(reader->Stats().retried, 0);
}

TEST(Compression, ABatchWithoutRowsHasItsThreeTensors) {
  Teacher teacher;
  auto source = FromBatches([](std::int64_t) -> Generator<Fields> {
    return [given = false]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (std::exchange(given, true)) return std::optional<Fields>();
      return std::optional<Fields>(Fields{Tensor::FromVector<float>({0, 2}, {}).value()});
    };
  });
  auto reader = NewReader(std::move(source), FixedTeachers({teacher.server->endpoint()}), Options(kTopTwo));
  const DistilledBatch batch = *reader->Next().value();
  EXPECT_EQ(batch.at("score").shape(), (Shape{0, 2}));
  EXPECT_EQ(batch.at("score.index").shape(), (Shape{0, 2}));
  EXPECT_EQ(batch.at("score.rest").shape(), (Shape{0}));
}

TEST(Compression, WhatTheModelDoesNotHaveIsRefused) {
  Teacher teacher;
  Compression too_many{{}, {{"score", {DType::kFp32, kClasses}}}};
  EXPECT_THAT(std::string(Distil(teacher.server->endpoint(), too_many).status().message()),
              HasSubstr("score FP32 [-1, 5]; top 5 logits at temperature 1 in FP32 are taken of more classes"));

  auto rows = test::StartTeacher();  // INT64
  ReaderOptions options = test::RowOptions();
  options.compression.fields["x"] = {DType::kFp16};
  auto reader = NewReader(test::BatchesOf(1, 4), FixedTeachers({rows->endpoint()}), options);
  EXPECT_THAT(std::string(reader->Next().status().message()), HasSubstr("only FP32 travels as FP16"));
  options.compression = {{{"label", {DType::kFp16}}}, {}};
  reader = NewReader(test::BatchesOf(1, 4), FixedTeachers({rows->endpoint()}), options);
  EXPECT_THAT(std::string(reader->Next().status().message()),
              HasSubstr("field 'label' is to travel as FP16, and its model does not take it"));
  options.compression = {{}, {{"score", {DType::kFp16}}}};
  reader = NewReader(test::BatchesOf(1, 4), FixedTeachers({rows->endpoint()}), options);
  EXPECT_THAT(std::string(reader->Next().status().message()), HasSubstr("only FP32 comes as"));
}

}  // namespace
}  // namespace edl
