// SPDX-License-Identifier: Apache-2.0
// What comes out has the form and grouping of what went in, plus the predictions.
#include <random>

#include "gmock/gmock.h"
#include "tests/support/rows.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

std::unique_ptr<DistillReader> OneEpochReader(std::unique_ptr<BatchSource> source, const testing::FakeTeacher& teacher,
                                              std::int64_t teacher_batch_rows = 4) {
  ReaderOptions options = test::RowOptions(teacher_batch_rows);
  options.num_epochs = 1;
  return test::NewReader(std::move(source), FixedTeachers({teacher.endpoint()}), options);
}

// Reads all batches of one epoch.
std::vector<DistilledBatch> ReadAll(DistillReader& reader) {
  std::vector<DistilledBatch> all;
  for (auto& batch : reader.Epoch()) {
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (batch.ok()) all.push_back(*std::move(batch));
  }
  return all;
}

TEST(Forms, ARaggedLastBatchComesOutAsItWentIn) {
  auto teacher = test::StartTeacher();
  std::vector<Fields> batches{test::MakeBatch(0, 8), test::MakeBatch(8, 8), test::MakeBatch(16, 3)};
  auto all = ReadAll(*OneEpochReader(FromBatches(batches), *teacher));
  ASSERT_EQ(all.size(), 3u);
  test::ExpectBatch(all[0], 0, 8);
  test::ExpectBatch(all[2], 16, 3);
}

TEST(Forms, ARaggedLastSampleListComesOutAsItWentIn) {
  auto teacher = test::StartTeacher();
  std::vector<SampleList> lists{test::MakeSampleList(0, 7), test::MakeSampleList(7, 7), test::MakeSampleList(14, 2)};
  auto all = ReadAll(*OneEpochReader(FromSampleLists(lists), *teacher));
  ASSERT_EQ(all.size(), 3u);
  std::int64_t id = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].samples.size(), lists[i].size());
    EXPECT_EQ(all[i].rows, static_cast<std::int64_t>(lists[i].size()));
    EXPECT_EQ(all[i].batch_seq, static_cast<std::int64_t>(i));
    for (const DistilledSample& sample : all[i].samples) test::ExpectSample(sample.fields, sample.predictions, id++);
  }
}

TEST(Forms, SamplesComeOutOneByOneInOrder) {
  auto teacher = test::StartTeacher();
  SampleList samples = test::MakeSampleList(0, 103);  // groups of 4, and a last one of 3
  auto all = ReadAll(*OneEpochReader(FromSamples(samples), *teacher));
  ASSERT_EQ(all.size(), 103u);
  for (std::int64_t id = 0; id < 103; ++id) {
    EXPECT_EQ(all[id].batch_seq, id);
    EXPECT_EQ(all[id].rows, 1);
    test::ExpectSample(all[id].fields, all[id].predictions, id);
  }
  EXPECT_LT(teacher->calls(), 103) << "samples travel in groups";
}

TEST(Forms, ATeacherBatchMayBeLargerThanTheStudents) {
  auto teacher = test::StartTeacher();
  std::vector<Fields> batches{test::MakeBatch(0, 3), test::MakeBatch(3, 2), test::MakeBatch(5, 1)};
  auto all = ReadAll(*OneEpochReader(FromBatches(batches), *teacher, /*teacher_batch_rows=*/64));
  ASSERT_EQ(all.size(), 3u);
  test::ExpectBatch(all[0], 0, 3);
  test::ExpectBatch(all[1], 3, 2);
  test::ExpectBatch(all[2], 5, 1);
}

TEST(Forms, EmptyBatchesAndListsComeOutEmpty) {
  auto teacher = test::StartTeacher();
  std::vector<Fields> batches{test::MakeBatch(0, 0), test::MakeBatch(0, 4), test::MakeBatch(4, 0)};
  auto all = ReadAll(*OneEpochReader(FromBatches(batches), *teacher));
  ASSERT_EQ(all.size(), 3u);
  test::ExpectBatch(all[0], 0, 0);
  test::ExpectBatch(all[1], 0, 4);
  test::ExpectBatch(all[2], 4, 0);
  std::vector<SampleList> lists{{}, test::MakeSampleList(0, 2)};
  all = ReadAll(*OneEpochReader(FromSampleLists(lists), *teacher));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].samples.size(), 0u);
  EXPECT_EQ(all[1].samples.size(), 2u);
}

TEST(Forms, AnEpochOfNoBatchesEndsAtOnceAsOftenAsAsked) {
  // Not even a teacher is needed.
  auto reader = test::NewReader(test::BatchesOf(0, 1), FixedTeachers({"127.0.0.1:1"}));
  for (int epoch = 0; epoch < 1000; ++epoch) {
    auto batch = reader->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_FALSE(batch->has_value());
  }
}

TEST(Forms, ThreeHundredEpochsOnOneReader) {
  auto teacher = test::StartTeacher();
  auto reader = test::NewReader(test::BatchesOf(3, 5), FixedTeachers({teacher->endpoint()}));
  for (int epoch = 0; epoch < 300; ++epoch) ASSERT_NO_FATAL_FAILURE(test::ExpectEpoch(*reader, epoch, 3, 5));
}

TEST(Forms, ALoaderIsBorrowedOrTakenOver) {
  auto teacher = test::StartTeacher();
  std::vector<Fields> mine{test::MakeBatch(0, 2)};
  auto borrowed = OneEpochReader(FromBatches(mine), *teacher);
  test::ExpectEpoch(*borrowed, 0, 1, 2);
  EXPECT_EQ(mine.size(), 1u);
  auto taken = OneEpochReader(FromBatches(std::vector<Fields>{test::MakeBatch(0, 2)}), *teacher);
  test::ExpectEpoch(*taken, 0, 1, 2);
}

TEST(Forms, FieldsThatTheTeacherDoesNotTakePassThroughBitForBit) {
  auto teacher = test::StartTeacher();
  const std::uint64_t seed = test::Seed();
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> bytes(4 * 1001);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
  Fields batch = test::MakeBatch(0, 4);
  batch.push_back(Tensor::FromVector<std::uint8_t>({4, 7, 143}, bytes).value());
  batch.push_back(Tensor::FromStrings({4}, {"a", "", std::string("\0x", 2), "äö"}).value());
  ReaderOptions options = test::RowOptions(/*teacher_batch_rows=*/3);
  options.fields = {"x", "label", "blob", "name"};
  auto reader = test::NewReader(FromBatches(std::vector<Fields>{batch}), FixedTeachers({teacher->endpoint()}), options);
  auto out = reader->Next();
  ASSERT_TRUE(out.ok()) << out.status();
  const Tensor& blob = (*out)->at("blob");
  EXPECT_EQ(blob.shape(), (Shape{4, 7, 143}));
  EXPECT_EQ(blob.dtype(), DType::kUint8);
  EXPECT_EQ(std::vector<std::uint8_t>(blob.data_as<std::uint8_t>(), blob.data_as<std::uint8_t>() + bytes.size()),
            bytes);
  EXPECT_EQ(blob.data(), batch[2].data()) << "the very bytes, not a copy";
  EXPECT_EQ((*out)->at("name").ToStrings().value(), batch[3].ToStrings().value());
}

TEST(Forms, ARowOfAnotherShapeAndTheSameSizeIsReshapedForTheTeacherOnly) {
  std::atomic<bool> as_the_teacher_wants{true};
  auto teacher = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    if (inputs[0].shape() != Shape{inputs[0].rows(), 2}) as_the_teacher_wants = false;
    return test::ScoreRows(inputs);
  });
  Fields flat = test::MakeBatch(0, 5);
  flat[0] = flat[0].Reshape({5, 1, 2, 1}).value();
  auto all = ReadAll(*OneEpochReader(FromBatches(std::vector<Fields>{flat}), *teacher));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("x").shape(), (Shape{5, 1, 2, 1}));
  all[0].fields[0] = all[0].fields[0].Reshape({5, 2}).value();
  test::ExpectBatch(all[0], 0, 5);
  // And among the samples of one list, differently for each.
  SampleList list = test::MakeSampleList(0, 3);
  list[1][0] = list[1][0].Reshape({2, 1}).value();
  all = ReadAll(*OneEpochReader(FromSampleLists(std::vector<SampleList>{list}), *teacher));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].samples[1].fields[0].shape(), (Shape{2, 1}));
  for (std::int64_t id = 0; id < 3; ++id) {
    test::ExpectSample(all[0].samples[id].fields, all[0].samples[id].predictions, id);
  }
  EXPECT_TRUE(as_the_teacher_wants);
}

// A model of any row length: samples of one list differ, and a request holds only those that are alike.
TEST(Forms, SamplesOfDifferentShapesGoInDifferentRequests) {
  ModelInfo model{"sum", "1", "fake", {{"x", DType::kInt64, {-1, -1}}}, {{"score", DType::kInt64, {-1}}}};
  auto teacher = test::StartTeacher({}, model, [](const std::vector<Tensor>& inputs) {
    const std::int64_t rows = inputs[0].rows();
    std::vector<std::int64_t> sums(rows);
    for (std::int64_t i = 0; i < inputs[0].element_count(); ++i) {
      sums[i / inputs[0].shape()[1]] += inputs[0].data_as<std::int64_t>()[i];
    }
    return std::vector<Tensor>{test::Int64s({rows}, std::move(sums))};
  });
  SampleList list;
  for (std::int64_t length : {1, 1, 3, 2, 2, 2, 5}) {
    list.push_back({test::Int64s({length}, std::vector<std::int64_t>(length, 10)), test::Int64s({}, {length})});
  }
  auto all = ReadAll(*OneEpochReader(FromSampleLists(std::vector<SampleList>{list}), *teacher));
  ASSERT_EQ(all.size(), 1u);
  for (const DistilledSample& sample : all[0].samples) {
    EXPECT_EQ(sample.predictions[0].data_as<std::int64_t>()[0], 10 * sample.fields[1].data_as<std::int64_t>()[0]);
  }
  EXPECT_EQ(teacher->calls(), 4);
}

}  // namespace
}  // namespace edl
