// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_counts.h"

#include "absl/strings/str_cat.h"

namespace edl::test {
namespace {

struct Kind {
  const char* name;
  int FaultCounts::*count;
};

constexpr Kind kKinds[] = {
    {"kills", &FaultCounts::kills},
    {"joins", &FaultCounts::joins},
    {"drains", &FaultCounts::drains},
    {"stalls", &FaultCounts::stalls},
    {"unlistings", &FaultCounts::unlistings},
    {"cuts", &FaultCounts::cuts},
    {"forgets", &FaultCounts::forgets},
    {"blackouts", &FaultCounts::blackouts},
    {"slows", &FaultCounts::slows},
    {"remakes", &FaultCounts::remakes},
    {"redis restarts", &FaultCounts::redis_restarts},
    {"redis losses", &FaultCounts::redis_losses},
    {"redis hangs", &FaultCounts::redis_hangs},
};

}  // namespace

FaultCounts& FaultCounts::operator+=(const FaultCounts& other) {
  for (const Kind& kind : kKinds) this->*kind.count += other.*kind.count;
  return *this;
}

int FaultCounts::total() const {
  int total = 0;
  for (const Kind& kind : kKinds) total += this->*kind.count;
  return total;
}

std::string FaultCounts::ToString() const {
  std::string text;
  for (const Kind& kind : kKinds) {
    if (this->*kind.count == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", kind.name, " ", this->*kind.count);
  }
  return text;
}

}  // namespace edl::test
