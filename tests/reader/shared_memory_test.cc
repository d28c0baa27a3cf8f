// SPDX-License-Identifier: Apache-2.0
// The reader hands its tensors over in shared memory where it can; where it cannot, nobody notices.
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "src/teacher/server.h"
#include "tests/support/foreign_server.h"
#include "tests/support/function_model.h"
#include "tests/support/mapping.h"
#include "tests/support/rows.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using test::BatchesOf;
using test::ExpectEpoch;
using test::NewReader;
using test::RowOptions;

constexpr std::int64_t kRows = 8'192;  // 128 KiB a request: worth it
constexpr std::int64_t kBatches = 40;

// A teacher that counts the requests that it read from shared memory.
struct CountingTeacher {
  explicit CountingTeacher(SharedMemoryPolicy policy = SharedMemoryPolicy::kIfLocal) {
    TeacherServerOptions options;
    options.shared_memory = policy;
    server = TeacherServer::Start(
                 options, std::make_unique<FunctionModel>(test::RowModel(),
                                                          [this](const std::vector<Tensor>& inputs) {
                                                            ++(InSharedMemory(inputs[0].data()) ? shared : travelled);
                                                            return test::ScoreRows(inputs);
                                                          }))
                 .value();
  }

  std::atomic<int> shared{0};
  std::atomic<int> travelled{0};
  std::unique_ptr<TeacherServer> server;
};

TEST(SharedMemory, CarriesLargeRequestsToATeacherOnThisMachine) {
  CountingTeacher teacher;
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({teacher.server->endpoint()}), RowOptions(kRows));
  for (int epoch = 0; epoch < 3; ++epoch) ExpectEpoch(*reader, epoch, kBatches, kRows);
  EXPECT_GT(teacher.shared, kBatches);
  // Both sides are in this process: no more of it than can be in flight, and one that is being added.
  EXPECT_LE(SharedMemoryMappings(), 2 * (RowOptions().window + 1));
}

TEST(SharedMemory, IsLeftToLargeRequests) {
  CountingTeacher teacher;
  auto reader = NewReader(BatchesOf(kBatches, 8), FixedTeachers({teacher.server->endpoint()}), RowOptions(8));
  ExpectEpoch(*reader, 0, kBatches, 8);
  EXPECT_EQ(teacher.shared, 0);
}

TEST(SharedMemory, JoinsRowsThatLieApartAndGrowsWithTheRequests) {
  CountingTeacher teacher;
  // Lists of samples, each sample a tensor of its own, and every list longer than the one before.
  auto lists = FromSampleLists([](std::int64_t) -> Generator<SampleList> {
    return [i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<SampleList>> {
      if (i == 20) return std::optional<SampleList>();
      const std::int64_t rows = 4'200 + 400 * i++;
      return std::optional<SampleList>(test::MakeSampleList(0, rows));
    };
  });
  auto reader = NewReader(std::move(lists), FixedTeachers({teacher.server->endpoint()}), RowOptions(20'000));
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::int64_t i = 0;
    for (absl::StatusOr<DistilledBatch>& list : reader->Epoch()) {
      ASSERT_TRUE(list.ok()) << list.status();
      ASSERT_EQ(list->rows, 4'200 + 400 * i++);
      for (std::int64_t r = 0; r < list->rows; r += 97) {
        const auto at = static_cast<std::size_t>(r);
        ASSERT_NO_FATAL_FAILURE(test::ExpectSample(list->samples[at].fields, list->samples[at].predictions, r));
      }
    }
    ASSERT_EQ(i, 20);
  }
  EXPECT_GT(teacher.shared, 0);
}

TEST(SharedMemory, IsNotCopiedToWhenTheBatchLiesInTheArena) {
  std::atomic<int> in_arena{0};
  auto arena = SharedArena::Create(64 << 20).value();
  auto server = TeacherServer::Start({}, std::make_unique<FunctionModel>(test::RowModel(),
                                                                         [&](const std::vector<Tensor>& inputs) {
                                                                           const auto from =
                                                                               MappedFrom(inputs[0].data());
                                                                           if (from == "/dev/shm" + arena->key())
                                                                             ++in_arena;
                                                                           return test::ScoreRows(inputs);
                                                                         }))
                    .value();
  ReaderOptions options = RowOptions(kRows);
  options.arena = arena;
  auto in_arena_batches = FromBatches([&](std::int64_t epoch) -> Generator<Fields> {
    return [&, epoch, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i == kBatches) return std::optional<Fields>();
      Fields batch = test::MakeBatch(epoch * 1'000'000 + 3 * kRows * i++, 3 * kRows);
      std::shared_ptr<void> memory = arena->Allocate(batch[0].byte_size());
      std::memcpy(memory.get(), batch[0].data(), batch[0].byte_size());
      batch[0] = Tensor::Wrap(DType::kInt64, batch[0].shape(), memory.get(), batch[0].byte_size(), memory).value();
      return std::optional<Fields>(std::move(batch));
    };
  });
  auto reader = NewReader(std::move(in_arena_batches), FixedTeachers({server->endpoint()}), std::move(options));
  for (int epoch = 0; epoch < 2; ++epoch) ExpectEpoch(*reader, epoch, kBatches, 3 * kRows);
  EXPECT_GT(in_arena, 3 * kBatches);
  EXPECT_EQ(arena->stats().outside, 0);
  reader.reset();
  EXPECT_EQ(arena->stats().used, 0u);
}

TEST(SharedMemory, LeavesNothingBehindOnEitherSide) {
  CountingTeacher teacher;
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({teacher.server->endpoint()}), RowOptions(kRows));
  for (std::int64_t epoch = 0; teacher.shared == 0; ++epoch) ExpectEpoch(*reader, epoch, kBatches, kRows);
  EXPECT_GT(SharedMemoryMappings(), 0);
  reader.reset();
  // Both sides are in this process. What was cancelled in flight, the server drops when it sees that nobody owns it.
  while (SharedMemoryMappings() > 0) std::this_thread::yield();
}

TEST(SharedMemory, IsDoneWithoutWhereTheTeacherDoesNotTakeIt) {
  CountingTeacher teacher(SharedMemoryPolicy::kNever);
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({teacher.server->endpoint()}), RowOptions(kRows));
  ExpectEpoch(*reader, 0, kBatches, kRows);
  EXPECT_EQ(teacher.shared, 0);
}

TEST(SharedMemory, IsDoneWithoutWhereTheReaderDoesNotWantIt) {
  CountingTeacher teacher;
  ReaderOptions options = RowOptions(kRows);
  options.shared_memory = false;
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({teacher.server->endpoint()}), options);
  ExpectEpoch(*reader, 0, kBatches, kRows);
  EXPECT_EQ(teacher.shared, 0);
}

TEST(SharedMemory, IsRegisteredAgainWhenTheServerHasForgotten) {
  CountingTeacher teacher;
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({teacher.server->endpoint()}), RowOptions(kRows));
  WireClient client(teacher.server->endpoint());
  std::int64_t epoch = 0;
  for (int round = 0; round < 3; ++round) {
    const int before = teacher.shared;
    while (teacher.shared == before) ExpectEpoch(*reader, epoch++, kBatches, kRows);
    inference::SystemSharedMemoryUnregisterResponse reply;
    ASSERT_TRUE(client.stub().SystemSharedMemoryUnregister(WireClient::Context().get(), {}, &reply).ok());
  }
  EXPECT_EQ(reader->Stats().retried, 0);
}

// It says that it has the extension, and fails at it.
class PoorServer final : public test::ForeignServer {
 public:
  enum class Fails { kRegister, kInfer };

  explicit PoorServer(Fails fails) : ForeignServer(test::RowModel(), {"system_shared_memory"}), fails_(fails) {
    Start();
  }
  ~PoorServer() override { Stop(); }

  int refused() const { return refused_; }

  grpc::Status SystemSharedMemoryRegister(grpc::ServerContext*, const inference::SystemSharedMemoryRegisterRequest*,
                                          inference::SystemSharedMemoryRegisterResponse*) override {
    if (fails_ == Fails::kInfer) return grpc::Status::OK;
    ++refused_;
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "unable to open shared memory region");
  }
  grpc::Status SystemSharedMemoryUnregister(grpc::ServerContext*, const inference::SystemSharedMemoryUnregisterRequest*,
                                            inference::SystemSharedMemoryUnregisterResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse* reply) override {
    if (request->raw_input_contents_size() == 0) {
      ++refused_;
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "failed to read the shared memory region");
    }
    const std::string& bytes = request->raw_input_contents(0);
    const auto rows = static_cast<std::int64_t>(bytes.size() / 16);
    const Tensor x = Tensor::Copy(DType::kInt64, {rows, 2}, bytes.data(), bytes.size()).value();
    AddOutput("score", test::ScoreRows({x}).value()[0], *reply);
    return grpc::Status::OK;
  }

 private:
  const Fails fails_;
  std::atomic<int> refused_{0};
};

TEST(SharedMemory, IsDoneWithoutWhereTheServerCannotMapIt) {
  PoorServer server(PoorServer::Fails::kRegister);
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({server.endpoint()}), RowOptions(kRows));
  for (int epoch = 0; epoch < 3; ++epoch) ExpectEpoch(*reader, epoch, kBatches, kRows);
  EXPECT_GT(server.refused(), 0);
  EXPECT_LT(server.refused(), kBatches);
  EXPECT_EQ(reader->Stats().retried, 0);
}

TEST(SharedMemory, IsGivenUpWhenTheServerKeepsRefusingWhatLiesThere) {
  PoorServer server(PoorServer::Fails::kInfer);
  auto reader = NewReader(BatchesOf(kBatches, kRows), FixedTeachers({server.endpoint()}), RowOptions(kRows));
  for (int epoch = 0; epoch < 5; ++epoch) ExpectEpoch(*reader, epoch, kBatches, kRows);
  EXPECT_GT(server.refused(), 0);
  EXPECT_LT(server.refused(), kBatches);
  EXPECT_EQ(reader->Stats().retried, 0);
}

}  // namespace
}  // namespace edl
