// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/epoch_order.h"

#include <numeric>

#include "examples/support/random.h"

namespace resnet {
namespace {

// Tells this stream from others of the same seed and epoch.
constexpr std::uint64_t kOrderStream = 0x4f52444552000001u;

}  // namespace

std::vector<std::int64_t> ListOrder(std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

std::vector<std::int64_t> ShuffledOrder(std::int64_t count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::int64_t> order = ListOrder(count);
  edl_examples::RandomStream random({kOrderStream, seed, epoch});
  edl_examples::Shuffle(order, random);
  return order;
}

std::vector<std::int64_t> ShareOf(const std::vector<std::int64_t>& order, std::int64_t rank, std::int64_t world_size,
                                  Remainder remainder) {
  const auto count = static_cast<std::int64_t>(order.size());
  std::vector<std::int64_t> share(static_cast<std::size_t>(ShareSize(count, world_size, remainder)));
  for (std::size_t i = 0; i < share.size(); ++i) {
    const std::int64_t place = rank + static_cast<std::int64_t>(i) * world_size;
    share[i] = order[static_cast<std::size_t>(place % count)];
  }
  return share;
}

std::int64_t ShareSize(std::int64_t count, std::int64_t world_size, Remainder remainder) {
  return (count + (remainder == Remainder::kKeep ? world_size - 1 : 0)) / world_size;
}

std::int64_t BatchesIn(std::int64_t share, std::int64_t batch_rows, Remainder remainder) {
  return (share + (remainder == Remainder::kKeep ? batch_rows - 1 : 0)) / batch_rows;
}

}  // namespace resnet
