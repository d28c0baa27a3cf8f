// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/epoch_decoder.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

// Tells this stream from others of the same seed and epoch.
constexpr std::uint64_t kMixStream = 0x4d49585550000001u;

// For where an exception would end a thread, or a batch would be lost. The allocator is the user's.
template <typename Body>
absl::Status Guarded(Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::Status WithText(const absl::Status& status, const std::string& before, const std::string& after) {
  return absl::Status(status.code(), absl::StrCat(before, status.message(), after));
}

}  // namespace

struct EpochDecoder::Row {
  std::int64_t index = 0;           // of the image that is in it
  std::optional<absl::Status> bad;  // why its own image is not
  absl::Status status;              // when nothing is in it
};

struct EpochDecoder::Batch {
  std::int64_t first_place = 0;  // in the order, of its first row's own image
  std::shared_ptr<void> images;
  std::optional<Mix> mix;
  std::vector<Row> rows;  // each written by the thread that makes it
  absl::Status mixed;     // written by the thread that makes the last row

  // Guarded by mu_.
  std::int64_t rows_taken = 0;
  std::int64_t rows_missing = 0;
  bool ready = false;

  std::uint8_t* image(std::int64_t row, std::size_t image_bytes) const {
    return static_cast<std::uint8_t*>(images.get()) + static_cast<std::size_t>(row) * image_bytes;
  }
};

EpochDecoder::EpochDecoder(std::shared_ptr<const LoaderSetup> setup, std::vector<std::int64_t> order,
                           std::uint64_t epoch, std::int64_t first_batch)
    : setup_(std::move(setup)),
      order_(std::move(order)),
      epoch_(epoch),
      batch_count_(
          BatchesIn(static_cast<std::int64_t>(order_.size()), setup_->options.batch_rows, setup_->options.remainder)),
      image_bytes_(static_cast<std::size_t>(setup_->options.views.side) *
                   static_cast<std::size_t>(setup_->options.views.side) * 3),
      opened_(first_batch),
      delivered_(first_batch) {
  failure_ = OpenBatches();
  if (failure_.ok()) failure_ = Start();
}

EpochDecoder::~EpochDecoder() {
  Stop();
}

absl::StatusOr<std::optional<DecodedBatch>> EpochDecoder::Next() {
  if (!failure_.ok()) return failure_;
  if (delivered_ == batch_count_) return std::optional<DecodedBatch>();
  const std::unique_ptr<Batch> batch = AwaitFirst();
  absl::StatusOr<DecodedBatch> finished = Finish(*batch);
  if (!finished.ok()) {
    failure_ = finished.status();
    Stop();
    return failure_;
  }
  failure_ = OpenBatches();  // of which the next call tells
  return std::optional<DecodedBatch>(*std::move(finished));
}

absl::Status EpochDecoder::Start() {
  return Guarded([&] {
    for (int i = 0; i < setup_->options.threads; ++i) threads_.emplace_back([this] { Work(); });
    return absl::OkStatus();
  });
}

void EpochDecoder::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    stopped_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::Status EpochDecoder::OpenBatches() {
  return Guarded([&] {
    while (opened_ < batch_count_ && opened_ - delivered_ <= setup_->options.read_ahead_batches) {
      std::unique_ptr<Batch> batch = NewBatch(opened_);
      {
        const std::lock_guard<std::mutex> lock(mu_);
        open_.push_back(std::move(batch));
      }
      ++opened_;
      work_.notify_all();
    }
    return absl::OkStatus();
  });
}

std::unique_ptr<EpochDecoder::Batch> EpochDecoder::NewBatch(std::int64_t number) const {
  const LoaderOptions& options = setup_->options;
  auto batch = std::make_unique<Batch>();
  batch->first_place = number * options.batch_rows;
  batch->rows_missing = std::min(options.batch_rows, static_cast<std::int64_t>(order_.size()) - batch->first_place);
  batch->rows.resize(static_cast<std::size_t>(batch->rows_missing));
  batch->images = options.allocate(batch->rows.size() * image_bytes_);
  if (options.mixup_alpha > 0) {
    edl_examples::RandomStream random({kMixStream, options.seed, epoch_, static_cast<std::uint64_t>(options.rank),
                                       static_cast<std::uint64_t>(number)});
    batch->mix = DrawMix(batch->rows_missing, options.mixup_alpha, random);
  }
  return batch;
}

std::unique_ptr<EpochDecoder::Batch> EpochDecoder::AwaitFirst() {
  std::unique_lock<std::mutex> lock(mu_);
  while (!open_.front()->ready) ready_.wait(lock);
  std::unique_ptr<Batch> batch = std::move(open_.front());
  open_.pop_front();
  ++delivered_;
  return batch;
}

// What the rows came to; of several that failed, the first is heard of.
absl::StatusOr<DecodedBatch> EpochDecoder::Finish(Batch& batch) const {
  if (!batch.mixed.ok()) return batch.mixed;
  DecodedBatch finished{std::move(batch.images), {}, std::move(batch.mix), {}};
  finished.index.reserve(batch.rows.size());
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    Row& row = batch.rows[i];
    if (!row.status.ok()) return row.status;
    finished.index.push_back(row.index);
    if (row.bad) {
      finished.bad.push_back({order_[static_cast<std::size_t>(batch.first_place) + i], *std::move(row.bad)});
    }
  }
  return finished;
}

void EpochDecoder::Work() {
  pthread_setname_np(pthread_self(), "resnet-decode");
  ViewMaker maker(setup_->options.views);
  while (const std::optional<Task> task = AwaitTask()) FinishRow(*task, MakeRow(maker, *task));
}

std::optional<EpochDecoder::Task> EpochDecoder::AwaitTask() {
  std::unique_lock<std::mutex> lock(mu_);
  while (!stopped_) {
    for (const std::unique_ptr<Batch>& batch : open_) {
      if (batch->rows_taken < static_cast<std::int64_t>(batch->rows.size())) {
        return Task{batch.get(), batch->rows_taken++};
      }
    }
    work_.wait(lock);
  }
  return std::nullopt;
}

EpochDecoder::Row EpochDecoder::MakeRow(ViewMaker& maker, const Task& task) const {
  Row row;
  const absl::Status guarded = Guarded([&] {
    row = FillRow(maker, task.batch->first_place + task.row, task.batch->image(task.row, image_bytes_));
    return absl::OkStatus();
  });
  const std::int64_t own = order_[static_cast<std::size_t>(task.batch->first_place + task.row)];
  if (!guarded.ok()) row.status = WithText(guarded, absl::StrCat("image ", own, " of the list: "), "");
  return row;
}

EpochDecoder::Row EpochDecoder::FillRow(ViewMaker& maker, std::int64_t place, std::uint8_t* view) const {
  const auto count = static_cast<std::int64_t>(order_.size());
  const std::int64_t most = std::min(count, kMostBadInARow);
  Row row;
  for (std::int64_t tried = 0; tried < most; ++tried) {
    row.index = order_[static_cast<std::size_t>((place + tried) % count)];
    row.status = maker.Make(setup_->list.PathOf(row.index), {setup_->options.seed, epoch_, row.index}, view);
    // What this process has run out of says nothing of the image.
    if (row.status.ok() || absl::IsResourceExhausted(row.status)) return row;
    if (setup_->options.on_bad_image == OnBadImage::kFail) {
      row.status = WithText(row.status, absl::StrCat("image ", row.index, " of the list, "),
                            "; mend it, take it out of the list, or let bad images be skipped");
      return row;
    }
    if (tried == 0) row.bad = row.status;
  }
  row.status = WithText(row.status, absl::StrCat(most, " images in a row cannot be used, the last of them "),
                        absl::StrCat("; is ", setup_->list.root.string(), " where the list's paths begin?"));
  return row;
}

void EpochDecoder::FinishRow(const Task& task, Row row) {
  Batch& batch = *task.batch;
  batch.rows[static_cast<std::size_t>(task.row)] = std::move(row);
  {
    const std::lock_guard<std::mutex> lock(mu_);
    if (--batch.rows_missing > 0) return;
  }
  // Nobody else touches the batch before it is ready.
  const bool whole = std::all_of(batch.rows.begin(), batch.rows.end(), [](const Row& r) { return r.status.ok(); });
  if (batch.mix && whole) {
    batch.mixed = Guarded([&] {
      Blend(*batch.mix, image_bytes_, batch.image(0, image_bytes_));
      return absl::OkStatus();
    });
  }
  {
    const std::lock_guard<std::mutex> lock(mu_);
    batch.ready = true;
  }
  ready_.notify_one();
}

}  // namespace resnet
