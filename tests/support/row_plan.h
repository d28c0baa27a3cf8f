// SPDX-License-Identifier: Apache-2.0
// RowPlan: which rows a source gives, epoch by epoch, in any of the three forms; so that whoever sees what comes out of
// a reader can say what should have.
// Thread-safety: a value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "tests/support/rows.h"

namespace edl::test {

struct RowPlan {
  SourceForm form = SourceForm::kBatches;
  std::int64_t items = 100;        // in an epoch
  std::int64_t most_rows = 8;      // of an item; a sample is one row
  bool ragged = false;             // items have 1 to most_rows rows, else all most_rows
  std::int64_t epochs_before = 0;  // epochs of earlier readers, whose rows were other ones
  std::function<void()> before;    // called before each item, on the source's thread; may pause it

  // The ids of the epochs begin anew after a while, so that Salt does not overflow.
  std::int64_t FirstId(std::int64_t epoch, std::int64_t item) const {
    return (epochs_before + epoch) % 1000 * 1'000'000 + item * most_rows;
  }
  std::int64_t RowsOf(std::int64_t epoch, std::int64_t item) const {
    if (form == SourceForm::kSamples) return 1;
    return ragged ? 1 + Salt(FirstId(epoch, item) + 1) % most_rows : most_rows;
  }
};

template <typename Item, typename Make>
EpochFunction<Item> PlannedEpochs(RowPlan plan, Make make) {
  return [plan = std::move(plan), make](std::int64_t epoch) -> Generator<Item> {
    return [plan, make, epoch, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Item>> {
      if (i == plan.items) return std::optional<Item>();
      if (plan.before) plan.before();
      const std::int64_t item = i++;
      return std::optional<Item>(make(plan.FirstId(epoch, item), plan.RowsOf(epoch, item)));
    };
  };
}

inline std::unique_ptr<BatchSource> SourceOf(const RowPlan& plan) {
  switch (plan.form) {
    case SourceForm::kBatches:
      return FromBatches(PlannedEpochs<Fields>(plan, MakeBatch));
    case SourceForm::kSampleLists:
      return FromSampleLists(PlannedEpochs<SampleList>(plan, MakeSampleList));
    case SourceForm::kSamples:
      break;
  }
  return FromSamples(PlannedEpochs<Fields>(plan, [](std::int64_t id, std::int64_t) { return MakeSample(id); }));
}

}  // namespace edl::test
