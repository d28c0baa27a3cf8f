// SPDX-License-Identifier: Apache-2.0
// Prefetching on every kind of device of this machine: which batches come, in what order, and what is copied.
#include "edl/torch/device_prefetch.h"

#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/torch_devices.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

class Prefetch : public ::testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<DevicePrefetch> NewPrefetch(std::unique_ptr<BatchSource> source,
                                                     const testing::FakeTeacher& teacher) {
    auto prefetch = DevicePrefetch::Create(test::NewReader(std::move(source), FixedTeachers({teacher.endpoint()})),
                                           torch::Device(GetParam()));
    EXPECT_TRUE(prefetch.ok()) << prefetch.status();
    return *std::move(prefetch);
  }
};

INSTANTIATE_TEST_SUITE_P(On, Prefetch, ::testing::ValuesIn(test::TorchDevices()),
                         [](const auto& on) { return on.param; });

// Is it what must come out for test::MakeBatch(first_id, rows)?
void ExpectRows(const DeviceBatch& batch, std::int64_t first_id, std::int64_t rows) {
  ASSERT_EQ(batch.rows, rows);
  ASSERT_EQ(batch.fields.size(), 2U);
  ASSERT_EQ(batch.predictions.size(), 1U);
  const torch::Tensor id = torch::arange(first_id, first_id + rows).to(batch.at("label").device());
  ASSERT_TRUE(torch::equal(batch.at("label"), id)) << batch.at("label") << ", from " << first_id;
  const torch::Tensor salt = batch.at("x").select(1, 1);
  ASSERT_TRUE(torch::equal(batch.at("score"), torch::stack({id + salt, 3 * id - salt, id.bitwise_xor(salt)}, 1)));
}

// The next is a batch, and that one.
void ExpectNext(DevicePrefetch& prefetch, std::int64_t first_id, std::int64_t rows) {
  auto batch = prefetch.Next();
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_TRUE(batch->has_value()) << "the epoch ended";
  ExpectRows(**batch, first_id, rows);
}

void ExpectEndOfEpoch(DevicePrefetch& prefetch) {
  auto end = prefetch.Next();
  ASSERT_TRUE(end.ok()) << end.status();
  ASSERT_FALSE(end->has_value());
}

template <typename Condition>
void Await(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
}

TEST_P(Prefetch, GivesEveryEpochInOrder) {
  auto teacher = test::StartTeacher();
  auto prefetch = NewPrefetch(test::BatchesOf(20, 8), *teacher);
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t i = 0; i < 20; ++i) {
      ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, epoch * 1'000'000 + 8 * i, 8));
    }
    ASSERT_NO_FATAL_FAILURE(ExpectEndOfEpoch(*prefetch));
  }
}

TEST_P(Prefetch, SaysWhichBatchItIsAndWhatItHas) {
  auto teacher = test::StartTeacher();
  auto prefetch = NewPrefetch(test::BatchesOf(2, 8), *teacher);
  ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 0, 8));
  const DeviceBatch batch = prefetch->Next().value().value();
  EXPECT_EQ(batch.epoch, 0);
  EXPECT_EQ(batch.batch_seq, 1);
  try {
    batch.at("scores");
    FAIL() << "there is no such name";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "no 'scores' in a batch of {x, label, score}");
  }
}

TEST_P(Prefetch, CopiesWhatIsForAnotherDeviceAndThatAlone) {
  auto teacher = test::StartTeacher();
  std::vector<Fields> batches;
  for (std::int64_t i = 0; i < 5; ++i) batches.push_back(test::MakeBatch(8 * i, 8));
  auto prefetch = NewPrefetch(FromBatches(batches), *teacher);
  for (const Fields& source : batches) {
    const DeviceBatch batch = prefetch->Next().value().value();
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(batch.fields[i].device().type(), torch::Device(GetParam()).type());
      EXPECT_EQ(batch.fields[i].data_ptr() == source[i].data(), batch.fields[i].is_cpu());
    }
  }
}

TEST_P(Prefetch, WhatItWaitsForWhileTheStudentWorksIsNoWait) {
  testing::FakeTeacherOptions slow;
  slow.delay = [](const auto&) { return std::chrono::milliseconds(40); };
  auto teacher = test::StartTeacher(slow);
  auto prefetch = NewPrefetch(test::BatchesOf(10, 4), *teacher);
  Event never;
  for (std::int64_t i = 0; i < 10; ++i) {
    ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 4 * i, 4));
    never.WaitFor(std::chrono::milliseconds(25));  // a step
  }
  EXPECT_GE(prefetch->reader().Stats().student.busy, std::chrono::milliseconds(240));
}

// A student's thread is through with a step long before its GPU is. (On the CPU it is not, and nothing can be wrong.)
TEST_P(Prefetch, WhatTheDeviceIsStillAtIsNoWait) {
  const torch::Tensor factor = torch::rand({1024, 1024}, torch::Device(GetParam()));
  auto step = [&factor](int products) {
    torch::Tensor product = factor;
    for (int i = 0; i < products; ++i) product = torch::mm(factor, product);
    return product.sum();
  };
  using Clock = std::chrono::steady_clock;
  step(1).item();  // libraries are loaded
  int products = 1;
  Clock::duration takes{0};
  while (takes < std::chrono::milliseconds(25)) {
    products *= 2;
    takes = Clock::duration::max();
    for (int i = 0; i < 3; ++i) {
      const auto begin = Clock::now();
      step(products).item();
      takes = std::min<Clock::duration>(takes, Clock::now() - begin);
    }
  }
  testing::FakeTeacherOptions slow;
  slow.delay = [takes](const auto&) { return std::chrono::duration_cast<std::chrono::microseconds>(2 * takes); };
  auto teacher = test::StartTeacher(slow);
  auto prefetch = NewPrefetch(test::BatchesOf(10, 4), *teacher);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(prefetch->Next().value().has_value());
    step(products);
  }
  ASSERT_FALSE(prefetch->Next().value().has_value());
  const StudentTime time = prefetch->reader().Stats().student;
  // About a half, of which a GPU's student needs a tenth to ask for it.
  EXPECT_GT(time.busy, (time.busy + time.waited()) / 6)
      << time.busy.count() << " ns, " << time.waited().count() << " ns";
}

TEST_P(Prefetch, ReadsOneBatchAheadOfTheStudentAndNoMore) {
  auto teacher = test::StartTeacher();
  auto prefetch = NewPrefetch(test::BatchesOf(10, 8), *teacher);
  auto read = [&] { return prefetch->reader().Stats().ring.out; };
  for (std::int64_t i = 0; i < 9; ++i) {
    ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 8 * i, 8));
    ASSERT_NO_FATAL_FAILURE(Await([&] { return read() >= i + 2; })) << "the student has " << i;
    ASSERT_EQ(read(), i + 2);
  }
}

TEST_P(Prefetch, BeginsNoEpochThatNobodyAskedFor) {
  auto teacher = test::StartTeacher();
  auto begun = std::make_shared<std::atomic<int>>(0);
  SourceOptions options;
  options.read_ahead = false;
  auto prefetch = NewPrefetch(FromBatches(
                                  [begun](std::int64_t epoch) -> Generator<Fields> {
                                    ++*begun;
                                    return [epoch, i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
                                      if (i++ == 2) return std::optional<Fields>();
                                      return std::optional<Fields>(test::MakeBatch(1000 * epoch + 8 * i, 8));
                                    };
                                  },
                                  options),
                              *teacher);
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (int i = 1; i <= 2; ++i) ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 1000 * epoch + 8 * i, 8));
    ASSERT_NO_FATAL_FAILURE(ExpectEndOfEpoch(*prefetch));
    EXPECT_EQ(*begun, epoch + 1);
  }
}

TEST_P(Prefetch, AnEpochCanBeLeftAtAnyBatch) {
  auto teacher = test::StartTeacher();
  auto prefetch = NewPrefetch(test::BatchesOf(4, 8), *teacher);
  prefetch->LeaveEpoch();  // none has begun
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    for (std::int64_t i = 0; i <= epoch; ++i) {
      ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, epoch * 1'000'000 + 8 * i, 8));
    }
    prefetch->LeaveEpoch();  // of the last one, behind its last batch
  }
  ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 4'000'000, 8));
}

TEST_P(Prefetch, AnErrorOfTheSourceComesBehindTheBatchesBeforeItAndStays) {
  auto teacher = test::StartTeacher();
  auto prefetch = NewPrefetch(FromBatches([](std::int64_t) -> Generator<Fields> {
                                return [i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
                                  if (i == 3) return absl::DataLossError("file 4 is torn");
                                  return std::optional<Fields>(test::MakeBatch(8 * i++, 8));
                                };
                              }),
                              *teacher);
  for (std::int64_t i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 8 * i, 8));
  for (int again = 0; again < 3; ++again) {
    const absl::Status status = prefetch->Next().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("file 4 is torn"));
    prefetch->LeaveEpoch();  // does not make it good
  }
}

TEST_P(Prefetch, WhatLibtorchHasNoTypeForIsNamedAndStays) {
  auto teacher = test::StartTeacher();
  Fields fields = test::MakeBatch(0, 2);
  fields[1] = Tensor::FromStrings({2}, {"cat", "dog"}).value();
  auto prefetch = NewPrefetch(FromBatches(std::vector<Fields>{fields}), *teacher);
  for (int again = 0; again < 2; ++again) {
    const absl::Status status = prefetch->Next().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("'label': BYTES [2] has no counterpart in libtorch"));
  }
}

TEST_P(Prefetch, TakesSamplesAndRefusesListsOfThem) {
  auto teacher = test::StartTeacher();
  auto samples = NewPrefetch(FromSamples(std::vector<Fields>{test::MakeSample(5)}), *teacher);
  const DeviceBatch sample = samples->Next().value().value();
  EXPECT_EQ(sample.at("x").sizes(), (torch::IntArrayRef{2}));
  EXPECT_EQ(sample.at("label").item<std::int64_t>(), 5);
  auto lists = NewPrefetch(FromSampleLists(std::vector<SampleList>{test::MakeSampleList(0, 3)}), *teacher);
  const absl::Status status = lists->Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("sample lists; give it a FromBatches"));
}

TEST_P(Prefetch, ShutdownWakesAStudentThatWaitsForTeachers) {
  auto reader = test::NewReader(test::BatchesOf(4, 8), FixedTeachers({"127.0.0.1:1"}));  // nobody is there
  auto prefetch = DevicePrefetch::Create(std::move(reader), torch::Device(GetParam())).value();
  std::atomic<bool> asks{false};
  absl::Status status;
  std::thread student([&] {
    asks = true;
    status = prefetch->Next().status();
  });
  Await([&] { return asks.load(); });
  prefetch->Shutdown();
  student.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
}

TEST_P(Prefetch, EndsAtAnyMoment) {
  auto teacher = test::StartTeacher();
  for (std::int64_t batches = 0; batches < 20; ++batches) {
    auto prefetch = NewPrefetch(test::BatchesOf(10, 8), *teacher);
    for (std::int64_t i = 0; i < batches % 10; ++i) ASSERT_NO_FATAL_FAILURE(ExpectNext(*prefetch, 8 * i, 8));
  }
}

TEST(DevicePrefetch, SaysWhichDeviceThereIsNot) {
  auto reader = test::NewReader(test::BatchesOf(1, 8), FixedTeachers({"127.0.0.1:1"}));
  const absl::Status status = DevicePrefetch::Create(std::move(reader), torch::Device("cuda:77")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("device 'cuda:77': this libtorch finds"));
  EXPECT_EQ(DevicePrefetch::Create(nullptr, torch::kCPU).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace edl
