// SPDX-License-Identifier: Apache-2.0
#include "tests/support/row_ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace edl::test {

RowTotals& RowTotals::operator+=(const RowTotals& other) {
  epochs += other.epochs;
  left += other.left;
  rows += other.rows;
  lost += other.lost;
  doubled += other.doubled;
  mispaired += other.mispaired;
  misplaced += other.misplaced;
  return *this;
}

std::string RowTotals::ToString() const {
  return absl::StrCat("lost ", lost, ", doubled ", doubled, ", mispaired ", mispaired, ", misplaced ", misplaced);
}

RowLedger::RowLedger(RowPlan plan, bool ordered)
    : plan_(std::move(plan)), ordered_(ordered), seen_(static_cast<std::size_t>(plan_.items)) {}

void RowLedger::Complain(std::int64_t& counter, std::int64_t rows, const std::string& what) {
  counter += rows;
  if (complaint_.empty()) complaint_ = absl::StrCat("epoch ", epoch_, ", after item ", next_, ": ", what);
}

// `row` is the row of tensors that have a row dimension; -1: these have none.
void RowLedger::CountRow(const Fields& fields, const Fields& predictions, std::int64_t row, std::int64_t id) {
  const std::size_t r = row < 0 ? 0 : static_cast<std::size_t>(row);
  const std::int64_t* x = fields.at(0).data_as<std::int64_t>() + 2 * r;
  const std::int64_t* label = fields.at(1).data_as<std::int64_t>() + r;
  const std::int64_t* score = predictions.at(0).data_as<std::int64_t>() + 3 * r;
  ++totals_.rows;
  if (x[0] == id && x[1] == Salt(id) && *label == id && std::vector<std::int64_t>(score, score + 3) == Label(id, x[1]))
    return;
  Complain(totals_.mispaired, 1,
           absl::StrCat("row ", id, " came out as x ", x[0], ", label ", *label, ", score ", score[0], " ", score[1],
                        " ", score[2]));
}

void RowLedger::Count(const DistilledBatch& batch) {
  const std::int64_t item = batch.batch_seq;
  if (batch.epoch != epoch_ || item < 0 || item >= plan_.items) {
    return Complain(totals_.misplaced, 1, absl::StrCat("item ", item, " of epoch ", batch.epoch, " came"));
  }
  if (ordered_ && item != next_) Complain(totals_.misplaced, 1, absl::StrCat("item ", item, " came"));
  next_ = item + 1;
  const std::int64_t rows = plan_.RowsOf(batch.epoch, item);
  char& seen = seen_[static_cast<std::size_t>(item)];
  if (seen != 0) return Complain(totals_.doubled, rows, absl::StrCat("item ", item, " came again"));
  seen = 1;

  const std::int64_t first = plan_.FirstId(batch.epoch, item);
  if (batch.rows != rows) Complain(totals_.lost, rows, absl::StrCat("item ", item, " has ", batch.rows, " rows"));
  for (std::int64_t r = 0; r < std::min(rows, batch.rows); ++r) {
    if (plan_.form == SourceForm::kSampleLists) {
      const DistilledSample& sample = batch.samples.at(static_cast<std::size_t>(r));
      CountRow(sample.fields, sample.predictions, -1, first + r);
    } else {
      CountRow(batch.fields, batch.predictions, plan_.form == SourceForm::kSamples ? -1 : r, first + r);
    }
  }
}

void RowLedger::EndEpoch() {
  for (std::int64_t item = 0; item < plan_.items; ++item) {
    if (seen_[static_cast<std::size_t>(item)] != 0) continue;
    Complain(totals_.lost, plan_.RowsOf(epoch_, item), absl::StrCat("item ", item, " never came"));
  }
  ++totals_.epochs;
  BeginEpoch(epoch_ + 1);
}

void RowLedger::LeaveEpoch() {
  ++totals_.left;
  BeginEpoch(epoch_ + 1);
}

void RowLedger::BeginReader() {
  plan_.epochs_before += epoch_ + 1;
  BeginEpoch(0);
}

void RowLedger::BeginEpoch(std::int64_t epoch) {
  epoch_ = epoch;
  next_ = 0;
  std::fill(seen_.begin(), seen_.end(), char{0});
}

}  // namespace edl::test
