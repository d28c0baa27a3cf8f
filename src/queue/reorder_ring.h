// SPDX-License-Identifier: Apache-2.0
// ReorderRing: takes numbered items in any order and gives them to one consumer in the order of their numbers.
// Place: completed batches are put here by whichever thread completed them; the student takes them.
// Thread-safety: Put: any thread. Take, TryTake: one thread at a time. Close: any thread.
// Cost: no lock and no system call, unless the consumer sleeps for just the item that is put.
//
// Invariants
//   1. Each number is put once.
//   2. A number is put only after Take of (number - capacity) has returned, and that return happens before the put: the
//      caller's credits see to it. So the slot of a number is empty when it is put, and one slot never holds two.
//   3. A slot goes null -> item by Put (release) and item -> null by the consumer (which acquired it); nobody else
//      writes it.
//   4. `head_` is the number that the consumer takes next; only the consumer writes it.
//   5. No lost wake-up: Put stores the slot, then reads `head_`; the consumer stores `head_`, then (in Parking) reads
//      the slot, all sequentially consistent. Either Put sees the new head and wakes, or the consumer sees the item.
//      Items beyond the head wake nobody: the consumer could not take them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/parking.h"

namespace edl {

template <typename T>
class ReorderRing {
 public:
  // Holds numbers [n, n + capacity); capacity is rounded up to a power of two.
  explicit ReorderRing(std::size_t capacity) : mask_(RoundUp(capacity) - 1), slots_(mask_ + 1) {}
  ~ReorderRing() {
    for (std::atomic<T*>& slot : slots_) delete slot.load(std::memory_order_acquire);
  }
  ReorderRing(const ReorderRing&) = delete;
  ReorderRing& operator=(const ReorderRing&) = delete;

  void Put(std::uint64_t number, std::unique_ptr<T> item) {
    slots_[number & mask_].store(item.release(), std::memory_order_seq_cst);
    if (head_.load(std::memory_order_seq_cst) == number) parking_.Wake();
  }

  // Null when the next item has not been put yet.
  std::unique_ptr<T> TryTake() {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::atomic<T*>& slot = slots_[head & mask_];
    T* item = slot.load(std::memory_order_acquire);
    if (item == nullptr) return nullptr;
    slot.store(nullptr, std::memory_order_relaxed);  // the next put there is ordered after this by invariant 2
    head_.store(head + 1, std::memory_order_seq_cst);
    return std::unique_ptr<T>(item);
  }

  // Waits for the next item; null when the ring is closed and the next item has not been put.
  std::unique_ptr<T> Take() {
    if (std::unique_ptr<T> item = TryTake()) return item;
    std::atomic<T*>& slot = slots_[head_.load(std::memory_order_relaxed) & mask_];
    parking_.Await(
        [&] { return slot.load(std::memory_order_seq_cst) != nullptr || closed_.load(std::memory_order_seq_cst); });
    return TryTake();
  }

  void Close() {
    closed_.store(true, std::memory_order_seq_cst);
    parking_.Wake();
  }

 private:
  static std::size_t RoundUp(std::size_t capacity) {
    std::size_t size = 1;
    while (size < capacity) size *= 2;
    return size;
  }

  const std::size_t mask_;
  std::vector<std::atomic<T*>> slots_;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // apart from the slots, which producers write
  std::atomic<bool> closed_{false};
  Parking parking_;
};

}  // namespace edl
