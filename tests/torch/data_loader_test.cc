// SPDX-License-Identifier: Apache-2.0
// torch::data loaders behind a whole reader: every row comes out with the soft label of that very row.
#include "edl/torch/data_loader.h"

#include <torch/torch.h>

#include <memory>
#include <utility>

#include "tests/support/rows.h"

namespace edl {
namespace {

// Row i of tests/support/rows.h as a torch example.
class RowDataset : public torch::data::Dataset<RowDataset> {
 public:
  explicit RowDataset(std::int64_t rows) : rows_(rows) {}

  torch::data::Example<> get(std::size_t index) override {
    const auto id = static_cast<std::int64_t>(index);
    if (id >= rows_) throw std::runtime_error("row " + std::to_string(id) + " cannot be read");
    return {torch::tensor({id, test::Salt(id)}), torch::tensor(id)};
  }
  torch::optional<std::size_t> size() const override { return rows_ + (broken_ ? 1 : 0); }
  RowDataset& Break() {
    broken_ = true;
    return *this;
  }

 private:
  std::int64_t rows_;
  bool broken_ = false;
};

template <typename Dataset>
auto MakeLoader(Dataset dataset, std::size_t batch_rows, std::size_t workers) {
  return torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
      std::move(dataset), torch::data::DataLoaderOptions().batch_size(batch_rows).workers(workers));
}

auto Stacked(std::int64_t rows) {
  return RowDataset(rows).map(torch::data::transforms::Stack<>());
}

// One epoch of `batches` batches of 8 rows, whose ids begin at 0.
void ExpectWholeEpoch(DistillReader& reader, std::int64_t batches) {
  std::int64_t i = 0;
  for (auto& batch : reader.Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(*batch, 8 * i++, 8));
  }
  ASSERT_EQ(i, batches);
}

TEST(DataLoader, CollatedBatchesComeOutAsBatches) {
  for (std::size_t workers : {0, 2}) {
    auto teacher = test::StartTeacher();
    auto reader =
        test::NewReader(FromDataLoader(MakeLoader(Stacked(40), 8, workers)), FixedTeachers({teacher->endpoint()}));
    for (int epoch = 0; epoch < 3; ++epoch) ExpectWholeEpoch(*reader, 5);
  }
}

TEST(DataLoader, ExamplesThatAreNotCollatedComeOutAsSampleLists) {
  auto teacher = test::StartTeacher();
  auto reader = test::NewReader(FromDataLoader(MakeLoader(RowDataset(10), 4, 0)), FixedTeachers({teacher->endpoint()}));
  std::int64_t id = 0;
  for (std::size_t size : {4, 4, 2}) {
    auto batch = reader->Next().value().value();
    ASSERT_EQ(batch.samples.size(), size);
    for (const DistilledSample& sample : batch.samples) {
      test::ExpectSample(sample.fields, sample.predictions, id++);
    }
  }
  EXPECT_FALSE(reader->Next().value().has_value());
}

TEST(DataLoader, AnEpochCanBeLeftEarly) {
  for (std::size_t workers : {0, 2}) {
    auto teacher = test::StartTeacher();
    auto reader =
        test::NewReader(FromDataLoader(MakeLoader(Stacked(400), 8, workers)), FixedTeachers({teacher->endpoint()}));
    for (int epoch = 0; epoch < 4; ++epoch) {
      auto first = reader->Next();
      ASSERT_TRUE(first.ok()) << first.status();
      test::ExpectBatch(**first, 0, 8);
      reader->LeaveEpoch();
    }
    ExpectWholeEpoch(*reader, 50);
  }
}

TEST(DataLoader, WhatTheDataSetThrowsReachesNext) {
  for (std::size_t workers : {0, 2}) {
    auto teacher = test::StartTeacher();
    auto loader = MakeLoader(RowDataset(8).Break().map(torch::data::transforms::Stack<>()), 8, workers);
    auto reader = test::NewReader(FromDataLoader(std::move(loader)), FixedTeachers({teacher->endpoint()}));
    ASSERT_TRUE(reader->Next().ok());
    absl::Status status = reader->Next().status();
    EXPECT_NE(status.message().find("row 8 cannot be read"), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace edl
