// SPDX-License-Identifier: Apache-2.0
// Arrivals: who has had a request arrive, all of it, since somebody last asked.
// Place: each ModelInfer call is noted; the doorman asks, for whoever sends and sends and has none arrive.
// Thread-safety: any thread.
#pragma once

#include <set>
#include <utility>

#include "src/base/mutex.h"
#include "src/teacher/peer.h"

namespace edl {

class Arrivals {
 public:
  void Note(Peer peer) {
    MutexLock lock(mu_);
    peers_.insert(std::move(peer));
  }

  std::set<Peer> Take() {
    MutexLock lock(mu_);
    return std::exchange(peers_, {});
  }

 private:
  Mutex mu_;
  std::set<Peer> peers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl
