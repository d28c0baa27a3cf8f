// SPDX-License-Identifier: Apache-2.0
// RowLedger: keeps account of what came out of a reader against the plan of what went in, row by row.
// Place: fed by a Student with every distilled batch and every end of an epoch.
// Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/row_plan.h"

namespace edl::test {

// Rows, but for `epochs`, `left`, and `misplaced`, which counts items.
struct RowTotals {
  std::int64_t epochs = 0;  // that have ended
  std::int64_t left = 0;    // epochs, before their end: what did not come of them is not lost
  std::int64_t rows = 0;
  std::int64_t lost = 0;
  std::int64_t doubled = 0;
  std::int64_t mispaired = 0;  // with a soft label, or a field, that is another row's
  std::int64_t misplaced = 0;  // out of order, or in another epoch

  RowTotals& operator+=(const RowTotals& other);
  bool clean() const { return lost + doubled + mispaired + misplaced == 0; }
  // "lost 0, doubled 0, mispaired 0, misplaced 0"
  std::string ToString() const;
};

class RowLedger {
 public:
  // `ordered`: items must come in the order of the source.
  RowLedger(RowPlan plan, bool ordered);

  void Count(const DistilledBatch& batch);
  void EndEpoch();
  // Nothing more comes of this epoch, which has begun.
  void LeaveEpoch();
  // Nothing more comes of this reader. The next one reads the source of plan(), in which every row is another one.
  void BeginReader();

  const RowPlan& plan() const { return plan_; }
  const RowTotals& totals() const { return totals_; }
  // What was wrong first, for people; empty while nothing was.
  const std::string& complaint() const { return complaint_; }

 private:
  void CountRow(const Fields& fields, const Fields& predictions, std::int64_t row, std::int64_t id);
  void Complain(std::int64_t& counter, std::int64_t rows, const std::string& what);
  void BeginEpoch(std::int64_t epoch);

  RowPlan plan_;
  const bool ordered_;
  RowTotals totals_;
  std::string complaint_;
  std::int64_t epoch_ = 0;  // of this reader
  std::int64_t next_ = 0;   // in order, the item that is due
  std::vector<char> seen_;  // of the epoch's items
};

}  // namespace edl::test
