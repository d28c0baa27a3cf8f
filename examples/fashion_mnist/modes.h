// SPDX-License-Identifier: Apache-2.0
// Modes: the three ways in which the student gets its batches; what trains it is the same in all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "edl/distill_reader.h"
#include "examples/fashion_mnist/loader.h"
#include "examples/fashion_mnist/teacher_fleet.h"
#include "examples/fashion_mnist/training.h"
#include "examples/support/progress.h"
#include "torch/script.h"

namespace fashion_mnist {

// No distillation: hard labels alone.
EpochStreams PlainStreams(edl::EpochFunction<edl::Fields> loader);

// Teacher and student take turns in this process.
EpochStreams InProcessStreams(edl::EpochFunction<edl::Fields> loader, torch::jit::Module teacher);

// How often each row of the data set came out of each epoch, held against how often the loader gave it.
class RowAudit {
 public:
  struct Result {
    std::int64_t lost = 0;
    std::int64_t doubled = 0;
  };

  RowAudit(edl::EpochFunction<edl::Fields> loader, std::int64_t rows, std::int64_t epochs);

  void Count(std::int64_t epoch, const torch::Tensor& index);

  // Over all epochs. Loads them all once more, which takes its time: not within a training whose speed is measured.
  Result Compare() const;

 private:
  const edl::EpochFunction<edl::Fields> loader_;
  std::vector<std::vector<std::uint16_t>> seen_;  // [epoch][row]
};

// Teachers on the network, found through Redis by an edl::DistillReader. On the way one of them is killed, started
// again, and joined by one more, each in the middle of an epoch, while the student trains on.
class ServiceRun {
 public:
  // `fleet` serves `teachers` and has a place for one more; it outlives this. Throws when the reader cannot be made.
  ServiceRun(const edl::EpochFunction<edl::Fields>& loader, const StudentRecipe& recipe, std::int64_t dataset_rows,
             TeacherFleet& fleet, std::size_t teachers, edl_examples::Progress& progress);

  EpochStreams Streams();

  const RowAudit& audit() const { return audit_; }
  edl::ReaderStats stats() const { return reader_->Stats(); }

 private:
  BatchStream Epoch(std::int64_t epoch);
  void ReportEpoch(std::int64_t epoch);
  void Disturb(std::int64_t epoch);
  void StartInBackground(std::size_t teacher);

  const std::int64_t epochs_;
  const std::int64_t mid_epoch_;  // batch_seq
  const std::size_t teachers_;
  TeacherFleet& fleet_;
  edl_examples::Progress& progress_;
  RowAudit audit_;
  std::unique_ptr<edl::DistillReader> reader_;
  edl::ReaderStats reported_;
  std::vector<std::future<void>> starts_;  // a teacher takes seconds to load; the student does not wait for it
};

}  // namespace fashion_mnist
