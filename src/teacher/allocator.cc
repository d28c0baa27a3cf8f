// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/allocator.h"

#include <cstdlib>  // which defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace edl {

void KeepFreedMemory() {
#ifdef __GLIBC__
  // Both: without the first the heap's end is given back, without the second large buffers never come from the heap.
  // The second is at most 32 MiB (HEAP_MAX_SIZE / 2); what is larger goes the slow way.
  constexpr int kMegabyte = 1 << 20;
  // One heap: those of threads are pieces of 64 MiB, given back whole whatever the thresholds say.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 1024 * kMegabyte);
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);
#endif
}

}  // namespace edl
