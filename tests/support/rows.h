// SPDX-License-Identifier: Apache-2.0
// Rows: source rows that can be told apart, a teacher whose soft label says from which row it was made, and the check
// that the two belong together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/testing/fake_teacher.h"
#include "gtest/gtest.h"

namespace edl::test {

// Row `id`: x = {id, Salt(id)}, label = id; its soft label is score = Label(id).
inline std::int64_t Salt(std::int64_t id) {
  return (id * 2654435761) % 1000003;
}
inline std::vector<std::int64_t> Label(std::int64_t id, std::int64_t salt) {
  return {id + salt, 3 * id - salt, id ^ salt};
}

inline Tensor Int64s(Shape shape, std::vector<std::int64_t> values) {
  return Tensor::FromVector<std::int64_t>(std::move(shape), std::move(values)).value();
}

// Fields {x INT64 [rows, 2], label INT64 [rows]} of the rows first_id, first_id + 1, …
inline Fields MakeBatch(std::int64_t first_id, std::int64_t rows) {
  std::vector<std::int64_t> x, label;
  for (std::int64_t id = first_id; id < first_id + rows; ++id) {
    x.insert(x.end(), {id, Salt(id)});
    label.push_back(id);
  }
  return {Int64s({rows, 2}, std::move(x)), Int64s({rows}, std::move(label))};
}

// Fields {x INT64 [2], label INT64 []} of one row.
inline Fields MakeSample(std::int64_t id) {
  return {Int64s({2}, {id, Salt(id)}), Int64s({}, {id})};
}

inline SampleList MakeSampleList(std::int64_t first_id, std::int64_t count) {
  SampleList list;
  for (std::int64_t id = first_id; id < first_id + count; ++id) list.push_back(MakeSample(id));
  return list;
}

inline ReaderOptions RowOptions(std::int64_t teacher_batch_rows = 4) {
  ReaderOptions options;
  options.fields = {"x", "label"};
  options.predictions = {"score"};
  options.teacher_batch_rows = teacher_batch_rows;
  return options;
}

inline ModelInfo RowModel(const std::string& name = "rows") {
  return {name, "1", "fake", {{"x", DType::kInt64, {-1, 2}}}, {{"score", DType::kInt64, {-1, 3}}}};
}

inline absl::StatusOr<std::vector<Tensor>> ScoreRows(const std::vector<Tensor>& inputs) {
  const std::int64_t* x = inputs[0].data_as<std::int64_t>();
  std::vector<std::int64_t> scores;
  for (std::int64_t r = 0; r < inputs[0].rows(); ++r) {
    for (std::int64_t s : Label(x[2 * r], x[2 * r + 1])) scores.push_back(s);
  }
  return std::vector<Tensor>{Int64s({inputs[0].rows(), 3}, std::move(scores))};
}

inline std::unique_ptr<testing::FakeTeacher> StartTeacher(testing::FakeTeacherOptions options = {},
                                                          ModelInfo info = RowModel(),
                                                          testing::FakeTeacher::Function function = ScoreRows) {
  auto teacher = testing::FakeTeacher::Start(std::move(info), std::move(function), std::move(options));
  EXPECT_TRUE(teacher.ok()) << teacher.status();
  return *std::move(teacher);
}

inline std::unique_ptr<TeacherWatcher> Watch(const std::vector<std::unique_ptr<testing::FakeTeacher>>& teachers) {
  std::vector<std::string> endpoints;
  for (const auto& teacher : teachers) endpoints.push_back(teacher->endpoint());
  return FixedTeachers(std::move(endpoints));
}

inline std::unique_ptr<DistillReader> NewReader(std::unique_ptr<BatchSource> source,
                                                std::unique_ptr<TeacherWatcher> teachers,
                                                ReaderOptions options = RowOptions()) {
  auto reader = DistillReader::Create(std::move(source), std::move(teachers), std::move(options));
  EXPECT_TRUE(reader.ok()) << reader.status();
  return *std::move(reader);
}

// `batches` batches of `rows` rows an epoch; the rows of an epoch start at id epoch * 1'000'000.
inline std::unique_ptr<BatchSource> BatchesOf(std::int64_t batches, std::int64_t rows, SourceOptions options = {}) {
  return FromBatches(
      [=](std::int64_t epoch) -> Generator<Fields> {
        return [=, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
          if (i == batches) return std::optional<Fields>();
          return std::optional<Fields>(MakeBatch(epoch * 1'000'000 + rows * i++, rows));
        };
      },
      options);
}

// Is this what must come out for MakeBatch(first_id, rows)?
inline void ExpectBatch(const DistilledBatch& batch, std::int64_t first_id, std::int64_t rows) {
  ASSERT_EQ(batch.rows, rows);
  ASSERT_EQ(batch.fields.size(), 2u);
  ASSERT_EQ(batch.predictions.size(), 1u);
  ASSERT_EQ(batch.at("x").shape(), (Shape{rows, 2}));
  ASSERT_EQ(batch.at("label").shape(), (Shape{rows}));
  ASSERT_EQ(batch.at("score").shape(), (Shape{rows, 3}));
  const std::int64_t* label = batch.at("label").data_as<std::int64_t>();
  const std::int64_t* score = batch.at("score").data_as<std::int64_t>();
  for (std::int64_t r = 0; r < rows; ++r) {
    ASSERT_EQ(label[r], first_id + r);
    std::vector<std::int64_t> want = Label(first_id + r, Salt(first_id + r));
    for (int c = 0; c < 3; ++c) ASSERT_EQ(score[3 * r + c], want[c]) << "row " << first_id + r;
  }
}

// And for MakeSample(id)?
inline void ExpectSample(const Fields& fields, const Fields& predictions, std::int64_t id) {
  ASSERT_EQ(fields.size(), 2u);
  ASSERT_EQ(predictions.size(), 1u);
  ASSERT_EQ(fields[1].data_as<std::int64_t>()[0], id);
  ASSERT_EQ(predictions[0].shape(), (Shape{3}));
  std::vector<std::int64_t> want = Label(id, Salt(id));
  for (int c = 0; c < 3; ++c) ASSERT_EQ(predictions[0].data_as<std::int64_t>()[c], want[c]) << "row " << id;
}

// Reads one epoch of BatchesOf(batches, rows), all of it, in order.
inline void ExpectEpoch(DistillReader& reader, std::int64_t epoch, std::int64_t batches, std::int64_t rows) {
  std::int64_t i = 0;
  for (absl::StatusOr<DistilledBatch>& batch : reader.Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_EQ(batch->epoch, epoch);
    ASSERT_EQ(batch->batch_seq, i);
    ASSERT_NO_FATAL_FAILURE(ExpectBatch(*batch, epoch * 1'000'000 + rows * i, rows));
    ++i;
  }
  ASSERT_EQ(i, batches);
}

}  // namespace edl::test
