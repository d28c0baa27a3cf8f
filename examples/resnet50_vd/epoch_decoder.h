// SPDX-License-Identifier: Apache-2.0
// EpochDecoder: the decoding threads of one epoch. They make its batches ahead of who asks for them, row by row, and
// all of them work on the same batch as long as it has rows left.
// Place: takes the epoch's order, gives whole batches, in that order, to ImageLoader's generator.
// Rules: what a batch holds does not depend on the number of threads, nor on which one made what. A row whose image
//        cannot be used holds the next image of the order that can (kSkip). At most read_ahead_batches + 1 batches are
//        open at a time.
// Errors: of a bad image (kFail), or when kMostBadInARow in the order are bad (kSkip): after every batch before it, and
//         from then on. RESOURCE_EXHAUSTED - no memory, or no more files may be open; never skipped. INTERNAL - what
//         else the allocator throws.
// Thread-safety: one thread at a time. The allocator is called by that thread.
// Lifetime: the destructor waits until each thread is done with the row that it is at.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/resnet50_vd/image_list.h"
#include "examples/resnet50_vd/loader_options.h"
#include "examples/resnet50_vd/mixup.h"

namespace resnet {

inline constexpr std::int64_t kMostBadInARow = 100;

// What all epochs have in common. The options are valid; `threads` and `allocate` are set.
struct LoaderSetup {
  ImageList list;
  LoaderOptions options;
};

struct BadImage {
  std::int64_t index = 0;
  absl::Status status;  // names the file
};

struct DecodedBatch {
  std::shared_ptr<void> images;
  std::vector<std::int64_t> index;  // of the image in each row
  std::optional<Mix> mix;
  std::vector<BadImage> bad;  // of the batch's own images, those that others stand in for
};

class EpochDecoder {
 public:
  // Begins at batch `first_batch`; nothing before it is decoded.
  EpochDecoder(std::shared_ptr<const LoaderSetup> setup, std::vector<std::int64_t> order, std::uint64_t epoch,
               std::int64_t first_batch);
  ~EpochDecoder();
  EpochDecoder(const EpochDecoder&) = delete;
  EpochDecoder& operator=(const EpochDecoder&) = delete;

  // The next batch, or nullopt after the last one.
  absl::StatusOr<std::optional<DecodedBatch>> Next();

 private:
  struct Row;
  struct Batch;
  struct Task {
    Batch* batch;  // open until all of its rows are done
    std::int64_t row;
  };

  absl::Status Start();
  void Stop();
  absl::Status OpenBatches();
  std::unique_ptr<Batch> NewBatch(std::int64_t number) const;
  std::unique_ptr<Batch> AwaitFirst();
  absl::StatusOr<DecodedBatch> Finish(Batch& batch) const;

  // The decoding threads.
  void Work();
  std::optional<Task> AwaitTask();
  Row MakeRow(ViewMaker& maker, const Task& task) const;
  Row FillRow(ViewMaker& maker, std::int64_t place, std::uint8_t* view) const;
  void FinishRow(const Task& task, Row row);

  const std::shared_ptr<const LoaderSetup> setup_;
  const std::vector<std::int64_t> order_;
  const std::uint64_t epoch_;
  const std::int64_t batch_count_;
  const std::size_t image_bytes_;

  // Of the thread that asks.
  std::int64_t opened_;     // batches, and those before the first one
  std::int64_t delivered_;  // of them
  absl::Status failure_;
  std::vector<std::thread> threads_;

  std::mutex mu_;
  std::condition_variable work_;   // there are rows to make, or it is over
  std::condition_variable ready_;  // a batch is whole
  // Guarded by mu_.
  std::deque<std::unique_ptr<Batch>> open_;
  bool stopped_ = false;
};

}  // namespace resnet
