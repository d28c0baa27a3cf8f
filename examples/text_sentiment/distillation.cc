// SPDX-License-Identifier: Apache-2.0
#include "examples/text_sentiment/distillation.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace text_sentiment {

void RowCount::Add(const std::vector<std::int64_t>& seen) {
  for (const std::int64_t times : seen) {
    if (times == 0) ++lost;
    if (times > 1) doubled += times - 1;
  }
}

Distillation::Distillation(const std::filesystem::path& program, const std::filesystem::path& model,
                           std::size_t teachers, Snippets snippets, const StudentRecipe& recipe, std::uint64_t seed,
                           edl_examples::Progress& progress)
    : snippets_(std::move(snippets)),
      epochs_(recipe.schedule.epochs),
      batches_(BatchCount(*snippets_, recipe.schedule.batch_rows)),
      progress_(progress) {
  std::vector<std::string> endpoints;
  for (std::size_t t = 0; t < teachers; ++t) {
    teachers_.push_back(
        edl::testing::TeacherProcess::Start({program.string(), "--model", model.string(), "--host", "127.0.0.1",
                                             "--port", "0", "--threads", "1", "--log-level", "warn"})
            .value());
    endpoints.push_back(teachers_.back()->endpoint());
  }
  edl::ReaderOptions options;
  options.fields = kBatchFields;
  options.predictions = {"score"};
  options.teacher_batch_rows = (recipe.schedule.batch_rows + 1) / 2;
  options.num_epochs = epochs_;
  reader_ = edl::DistillReader::Create(edl::FromBatches(MakeBatches(snippets_, recipe.schedule.batch_rows, seed)),
                                       edl::FixedTeachers(endpoints), options)
                .value();
}

BatchStream Distillation::Epoch(std::int64_t epoch) {
  return [this, epoch, seen = std::vector<std::int64_t>(snippets_->size())]() mutable -> std::optional<StudentBatch> {
    std::optional<edl::DistilledBatch> batch = reader_->Next().value();
    if (!batch) {
      rows_.Add(seen);
      const edl::ReaderStats now = stats();
      progress_.Say(absl::StrCat("epoch ", epoch + 1, ": ", now.Since(std::exchange(reported_, now)).Advice()));
      return std::nullopt;
    }
    if (epoch == epochs_ / 2 && batch->batch_seq == batches_ / 2 && teachers_.size() > 1) {
      progress_.Say(absl::StrCat("SIGKILL to teacher ", teachers_[0]->endpoint(), "; its requests go to the others"));
      teachers_[0]->Kill();
    }
    const edl::Tensor& index = batch->at("index");
    for (std::int64_t row = 0; row < index.rows(); ++row) {
      ++seen.at(static_cast<std::size_t>(index.data_as<std::int64_t>()[row]));
    }
    return StudentBatch{AsTorch(batch->at("ngrams")), AsTorch(batch->at("label")), AsTorch(batch->at("score"))};
  };
}

}  // namespace text_sentiment
