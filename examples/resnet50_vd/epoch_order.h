// SPDX-License-Identifier: Apache-2.0
// Epoch order: in which order an epoch visits the images, and which of them are one trainer's share when several train
// together. Each of them works out its own share; all they agree on is the seed.
#pragma once

#include <cstdint>
#include <vector>

namespace resnet {

// What becomes of images that do not come out even, between trainers and in the last batch.
enum class Remainder {
  kDrop,  // they are left out: others in another epoch
  kKeep,  // every image is visited: the last batch is short, and the shares are made even by images of the order's
          // beginning, which come twice
};

// 0, 1, … count - 1.
std::vector<std::int64_t> ListOrder(std::int64_t count);

// A permutation of them: the same for the same seed and epoch, on every machine.
std::vector<std::int64_t> ShuffledOrder(std::int64_t count, std::uint64_t seed, std::uint64_t epoch);

// Every `world_size`-th image of the order, from place `rank` on: the same number for each rank.
std::vector<std::int64_t> ShareOf(const std::vector<std::int64_t>& order, std::int64_t rank, std::int64_t world_size,
                                  Remainder remainder);

// How many images such a share of `count` has, and how many batches it makes.
std::int64_t ShareSize(std::int64_t count, std::int64_t world_size, Remainder remainder);
std::int64_t BatchesIn(std::int64_t share, std::int64_t batch_rows, Remainder remainder);

}  // namespace resnet
