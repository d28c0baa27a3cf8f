// SPDX-License-Identifier: Apache-2.0
// Arrivals: who has had a request arrive, all of it, since somebody last asked.
// Place: each ModelInfer call is noted; the doorman asks, for whoever sends and sends and has none arrive.
// Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <set>
#include <utility>

#include "src/base/mutex.h"
#include "src/teacher/peer.h"

namespace edl {

class Arrivals {
 public:
  void Note(Peer peer) {
    MutexLock lock(mu_);
    if (peers_.size() < kMost) peers_.insert(std::move(peer));
  }

  std::set<Peer> Take() {
    MutexLock lock(mu_);
    return std::exchange(peers_, {});
  }

 private:
  static constexpr std::size_t kMost = 1 << 20;  // where nobody asks, it must not grow for ever

  Mutex mu_;
  std::set<Peer> peers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl
