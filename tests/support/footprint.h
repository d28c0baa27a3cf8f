// SPDX-License-Identifier: Apache-2.0
// Footprint: what this process holds at a moment.
// Thread-safety: a value.
#pragma once

namespace edl::test {

struct Footprint {
  double resident_mb = 0;
  double threads = 0;
  double files = 0;  // open descriptors

  static Footprint Now();
};

}  // namespace edl::test
