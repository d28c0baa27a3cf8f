// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/modes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edl/torch/tensor.h"

namespace fashion_mnist {
namespace {

// Of the loader's fields.
enum Field { kImage, kLabel, kIndex };

torch::Tensor AsTorch(const edl::Tensor& tensor) {
  return edl::ToTorch(tensor).value();
}

}  // namespace

EpochStreams PlainStreams(edl::EpochFunction<edl::Fields> loader) {
  return [loader = std::move(loader)](std::int64_t epoch) -> BatchStream {
    return [next = loader(epoch)]() mutable -> std::optional<Batch> {
      std::optional<edl::Fields> fields = next().value();
      if (!fields) return std::nullopt;
      return Batch{AsTorch((*fields)[kImage]), AsTorch((*fields)[kLabel]), {}};
    };
  };
}

EpochStreams InProcessStreams(edl::EpochFunction<edl::Fields> loader, torch::jit::Module teacher) {
  return [plain = PlainStreams(std::move(loader)), teacher](std::int64_t epoch) -> BatchStream {
    return [next = plain(epoch), teacher]() mutable -> std::optional<Batch> {
      std::optional<Batch> batch = next();
      const torch::NoGradGuard no_grad;
      if (batch) batch->teacher_logits = teacher.forward({batch->images}).toTensor();
      return batch;
    };
  };
}

RowAudit::RowAudit(edl::EpochFunction<edl::Fields> loader, std::int64_t rows, std::int64_t epochs)
    : loader_(std::move(loader)),
      seen_(static_cast<std::size_t>(epochs), std::vector<std::uint16_t>(static_cast<std::size_t>(rows))) {}

void RowAudit::Count(std::int64_t epoch, const torch::Tensor& index) {
  std::vector<std::uint16_t>& seen = seen_.at(static_cast<std::size_t>(epoch));
  const auto* row = index.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) ++seen.at(static_cast<std::size_t>(row[i]));
}

RowAudit::Result RowAudit::Compare() const {
  Result result;
  for (std::size_t epoch = 0; epoch < seen_.size(); ++epoch) {
    std::vector<std::int64_t> differences(seen_[epoch].begin(), seen_[epoch].end());
    edl::Generator<edl::Fields> next = loader_(static_cast<std::int64_t>(epoch));
    while (std::optional<edl::Fields> fields = next().value()) {
      const edl::Tensor& index = (*fields)[kIndex];
      for (std::int64_t i = 0; i < index.rows(); ++i) {
        --differences.at(static_cast<std::size_t>(index.data_as<std::int64_t>()[i]));
      }
    }
    for (std::int64_t difference : differences) {
      result.lost += std::max<std::int64_t>(-difference, 0);
      result.doubled += std::max<std::int64_t>(difference, 0);
    }
  }
  return result;
}

ServiceRun::ServiceRun(const edl::EpochFunction<edl::Fields>& loader, const StudentRecipe& recipe,
                       std::int64_t dataset_rows, TeacherFleet& fleet, std::size_t teachers,
                       edl_examples::Progress& progress)
    : epochs_(recipe.schedule.epochs),
      mid_epoch_(dataset_rows / recipe.schedule.batch_rows / 2),
      teachers_(teachers),
      fleet_(fleet),
      progress_(progress),
      audit_(loader, dataset_rows, epochs_) {
  edl::ReaderOptions options;
  options.fields = kLoaderFields;
  options.predictions = {"score"};
  options.teacher_batch_rows = recipe.schedule.batch_rows / 2;
  options.num_epochs = epochs_;
  reader_ = edl::DistillReader::Create(edl::FromBatches(loader),
                                       edl::RedisTeachers({fleet.redis(), TeacherFleet::service()}), options)
                .value();
}

EpochStreams ServiceRun::Streams() {
  return [this](std::int64_t epoch) { return Epoch(epoch); };
}

BatchStream ServiceRun::Epoch(std::int64_t epoch) {
  return [this, epoch]() -> std::optional<Batch> {
    std::optional<edl::DistilledBatch> batch = reader_->Next().value();
    if (!batch) {
      ReportEpoch(epoch);
      return std::nullopt;
    }
    if (batch->batch_seq == mid_epoch_) Disturb(epoch);
    audit_.Count(epoch, AsTorch(batch->at("index")));
    return Batch{AsTorch(batch->at("image")), AsTorch(batch->at("label")), AsTorch(batch->at("score"))};
  };
}

void ServiceRun::ReportEpoch(std::int64_t epoch) {
  const edl::ReaderStats now = stats();
  progress_.Say(absl::StrCat("epoch ", epoch + 1, ": ", now.Since(std::exchange(reported_, now)).Advice()));
}

void ServiceRun::Disturb(std::int64_t epoch) {
  const std::size_t victim = teachers_ - 1;
  auto say = [&](const std::string& what) { progress_.Say(absl::StrCat("epoch ", epoch + 1, ": ", what)); };
  if (epoch == epochs_ / 4) {
    fleet_.Kill(victim);
    say(absl::StrCat("SIGKILL to teacher ", fleet_.endpoint(victim), "; its requests go to the others"));
  }
  if (epoch == epochs_ / 2) {
    say(absl::StrCat("teacher ", fleet_.endpoint(victim), " is started again"));
    StartInBackground(victim);
  }
  if (epoch == epochs_ * 5 / 8) {
    say("one more teacher joins");
    StartInBackground(teachers_);
  }
  if (epoch == epochs_ - 1) {
    for (std::future<void>& start : starts_) start.get();  // throws what kept it from starting
    starts_.clear();
  }
}

void ServiceRun::StartInBackground(std::size_t teacher) {
  starts_.push_back(std::async(std::launch::async, [this, teacher] { fleet_.Start(teacher); }));
}

}  // namespace fashion_mnist
