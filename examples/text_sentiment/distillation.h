// SPDX-License-Identifier: Apache-2.0
// Distillation: a student's batches with soft labels of edl-teacher processes, one of which is killed on the way; and
// the count of rows, to which it makes no difference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/testing/teacher_process.h"
#include "examples/text_sentiment/training.h"

namespace text_sentiment {

// How often each row came out, held against the once an epoch that is promised.
struct RowCount {
  std::int64_t lost = 0;
  std::int64_t doubled = 0;

  // Adds one epoch's: how often each row of the data set was seen in it.
  void Add(const std::vector<std::int64_t>& seen);
};

class Distillation {
 public:
  // Returns when `teachers` processes serve `model`, one thread each. Throws when one cannot be started.
  Distillation(const std::filesystem::path& program, const std::filesystem::path& model, std::size_t teachers,
               Snippets snippets, const StudentRecipe& recipe, std::uint64_t seed, edl_examples::Progress& progress);

  // The batches of an epoch. In the middle of the middle one the first teacher is killed, unless it is the only one.
  BatchStream Epoch(std::int64_t epoch);

  const RowCount& rows() const { return rows_; }
  edl::ReaderStats stats() const { return reader_->Stats(); }

 private:
  const Snippets snippets_;
  const std::int64_t epochs_;
  const std::int64_t batches_;  // in an epoch
  edl_examples::Progress& progress_;
  std::vector<std::unique_ptr<edl::testing::TeacherProcess>> teachers_;
  std::unique_ptr<edl::DistillReader> reader_;
  edl::ReaderStats reported_;
  RowCount rows_;
};

}  // namespace text_sentiment
