// SPDX-License-Identifier: Apache-2.0
// BatchSource: the user's own loader, as the reader sees it.
// Place: the reader's source thread pulls from it, one call at a time; what it yields is split into teacher requests.
// Shapes: a batch is one tensor a field, each [rows, …], rows the same in all fields; a sample is one tensor a field,
//         without the row dimension; a sample list is a vector of samples, in which a field has one shape and dtype.
// Errors: a non-OK status, or an exception, reaches Next() as a sticky status after every batch before it.
// Thread-safety: called by one thread at a time, which is not the thread that made it.
#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edl/tensor.h"

namespace edl {

// One tensor for each name in ReaderOptions::fields, in that order.
using Fields = std::vector<Tensor>;
using SampleList = std::vector<Fields>;

// How the items of a source are shaped, and so what comes out of the reader.
enum class SourceForm { kBatches, kSamples, kSampleLists };

struct SourceOptions {
  // May the reader begin the next epoch while the student is still in this one (so that the end of an epoch is no
  // bubble)? Turn it off for a loader that the trainer changes between epochs.
  bool read_ahead = true;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;

  virtual SourceForm form() const = 0;
  virtual bool read_ahead() const = 0;

  // Goes to the first item of `epoch` (0, 1, …), whether or not the epoch before was read to its end.
  virtual absl::Status StartEpoch(std::int64_t epoch) = 0;

  // The next item, or nullopt at the end of the epoch. A batch or a sample is a list of one.
  virtual absl::StatusOr<std::optional<SampleList>> Next() = 0;
};

// The items of one epoch, one a call; nullopt is its end.
template <typename Item>
using Generator = std::function<absl::StatusOr<std::optional<Item>>()>;

// Makes the generator of an epoch (0, 1, …).
template <typename Item>
using EpochFunction = std::function<Generator<Item>(std::int64_t epoch)>;

std::unique_ptr<BatchSource> FromBatches(EpochFunction<Fields> epochs, SourceOptions options = {});
std::unique_ptr<BatchSource> FromSamples(EpochFunction<Fields> epochs, SourceOptions options = {});
std::unique_ptr<BatchSource> FromSampleLists(EpochFunction<SampleList> epochs, SourceOptions options = {});

namespace internal {

template <typename T, typename = void>
struct IsRange : std::false_type {};
template <typename T>
struct IsRange<T, std::void_t<decltype(std::declval<T&>().begin() != std::declval<T&>().end())>> : std::true_type {};

// An lvalue is borrowed and must outlive the reader; an rvalue is taken over.
template <typename Range>
std::shared_ptr<Range> Hold(Range& range) {
  return std::shared_ptr<Range>(std::shared_ptr<void>(), &range);
}
template <typename Range, typename = std::enable_if_t<!std::is_lvalue_reference_v<Range>>>
std::shared_ptr<Range> Hold(Range&& range) {
  return std::make_shared<Range>(std::forward<Range>(range));
}

// One pass over `range` an epoch.
template <typename Item, typename Range>
EpochFunction<Item> EpochsOf(std::shared_ptr<Range> range) {
  return [range](std::int64_t) -> Generator<Item> {
    return [range, it = range->begin(), end = range->end()]() mutable -> absl::StatusOr<std::optional<Item>> {
      if (!(it != end)) return std::optional<Item>();
      std::optional<Item> item(*it);
      ++it;
      return item;
    };
  };
}

}  // namespace internal

// Any range whose elements convert to Fields (or SampleList): a vector, or a loader with begin() and end(). begin()
// is called once an epoch, on the reader's source thread.
template <typename Range, typename = std::enable_if_t<internal::IsRange<Range>::value>>
std::unique_ptr<BatchSource> FromBatches(Range&& range, SourceOptions options = {}) {
  return FromBatches(internal::EpochsOf<Fields>(internal::Hold(std::forward<Range>(range))), options);
}
template <typename Range, typename = std::enable_if_t<internal::IsRange<Range>::value>>
std::unique_ptr<BatchSource> FromSamples(Range&& range, SourceOptions options = {}) {
  return FromSamples(internal::EpochsOf<Fields>(internal::Hold(std::forward<Range>(range))), options);
}
template <typename Range, typename = std::enable_if_t<internal::IsRange<Range>::value>>
std::unique_ptr<BatchSource> FromSampleLists(Range&& range, SourceOptions options = {}) {
  return FromSampleLists(internal::EpochsOf<SampleList>(internal::Hold(std::forward<Range>(range))), options);
}

}  // namespace edl
