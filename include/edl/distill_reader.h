// SPDX-License-Identifier: Apache-2.0
// DistillReader: reads the user's batches with the teachers' soft labels beside them, while the student trains.
// Place: takes source batches from a BatchSource, has teachers predict on them, gives distilled batches to the student,
//        and keeps this rule: every source row comes out once an epoch with the prediction made from that very row.
// Shapes: batches: fields and predictions [rows, …]; samples: without the row dimension.
// Dtype, units: the fields' own, bit for bit; the predictions' as the teacher serves them.
// Errors: INVALID_ARGUMENT - options, fields or the teacher's model do not fit each other; UNAVAILABLE - no teacher
//         within the limit; CANCELLED - shut down; else the teacher's or the source's own code. All are sticky: Next()
//         returns the same status from then on.
// Thread-safety: one thread at a time, except Stats() and Shutdown(), which any thread may call.
// Lifetime, cost: destroying it at any moment cancels what is in flight and joins its threads; it waits for a source
//                 that is inside its Next(). Tensors that were yielded outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/batch_source.h"
#include "edl/options.h"
#include "edl/stats.h"
#include "edl/teachers.h"
#include "edl/tensor.h"

namespace edl {

// A sample of a sample list, without the row dimension.
struct DistilledSample {
  Fields fields;
  Fields predictions;  // as names has them: one tensor for each of ReaderOptions::predictions; three, of a top_k
};

// What comes out for one item of the source, in the form in which it went in.
struct DistilledBatch {
  std::int64_t epoch = 0;
  std::int64_t batch_seq = 0;  // the item's place in its epoch: 0, 1, …
  std::int64_t rows = 0;       // 1 for a sample

  // A batch or a sample. Empty for a sample list.
  Fields fields;
  Fields predictions;

  // A sample list.
  std::vector<DistilledSample> samples;

  // The field or prediction of that name. Throws std::out_of_range naming what there is.
  const Tensor& at(const std::string& name) const;

  // ReaderOptions::fields, then ReaderOptions::predictions (NAME, NAME.index, NAME.rest for one of which only the top_k
  // highest are wanted: compression.h); shared by all batches of a reader.
  std::shared_ptr<const std::vector<std::string>> names;
};

class EpochRange;

class DistillReader {
 public:
  // Starts at once: the source is read and teachers are connected in the background. INVALID_ARGUMENT when options,
  // endpoints or the environment (EDL_TEACHERS=host:port,…; EDL_MAX_TEACHERS=n) make no sense.
  static absl::StatusOr<std::unique_ptr<DistillReader>> Create(std::unique_ptr<BatchSource> source,
                                                               std::unique_ptr<TeacherWatcher> teachers,
                                                               ReaderOptions options);

  virtual ~DistillReader() = default;

  // The next distilled batch; nullopt once at the end of each epoch, after which the next epoch begins (or, after the
  // last of num_epochs, forever). Blocks until there is one.
  virtual absl::StatusOr<std::optional<DistilledBatch>> Next() = 0;

  // Leaves the current epoch: what is in flight for it is cancelled, and Next() goes on with the next epoch. Does
  // nothing between epochs. Does not block.
  virtual void LeaveEpoch() = 0;

  // One epoch as a range, for `for (auto& batch : reader->Epoch())`. Leaving the loop early leaves the epoch.
  EpochRange Epoch();

  // Cancels everything; a waiting Next() returns CANCELLED.
  virtual void Shutdown() = 0;

  virtual ReaderStats Stats() const = 0;

  // For who calls Next() ahead of the student on a thread of its own, as edl::DevicePrefetch does: whether the student
  // itself waits. From the first call on, a wait in Next() counts as the student's only while it waits, too.
  // Thread-safety: any thread.
  enum class StudentState { kWorks, kWaits };
  virtual void NoteStudent(StudentState state) = 0;

  // The configuration in force, the environment's part included; one "name = value" a line.
  virtual std::string ConfigString() const = 0;
};

// The distilled batches of one epoch; an error is the last element. Lives shorter than its reader.
class EpochRange {
 public:
  using Element = absl::StatusOr<DistilledBatch>;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    using pointer = Element*;
    using reference = Element&;

    Element& operator*() const { return *range_->element_; }
    Element* operator->() const { return &*range_->element_; }
    Iterator& operator++() {
      range_->Advance();
      return *this;
    }
    void operator++(int) { range_->Advance(); }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.AtEnd() == b.AtEnd(); }
    friend bool operator!=(const Iterator& a, const Iterator& b) { return !(a == b); }

   private:
    friend class EpochRange;
    explicit Iterator(EpochRange* range) : range_(range) {}
    bool AtEnd() const { return range_ == nullptr || !range_->element_.has_value(); }
    EpochRange* range_;
  };

  explicit EpochRange(DistillReader* reader) : reader_(reader) {}
  ~EpochRange();
  EpochRange(const EpochRange&) = delete;
  EpochRange& operator=(const EpochRange&) = delete;

  Iterator begin();
  Iterator end() { return Iterator(nullptr); }

 private:
  enum class State { kFresh, kInEpoch, kDone };

  void Advance();

  DistillReader* reader_;
  State state_ = State::kFresh;
  std::optional<Element> element_;
};

}  // namespace edl
