// SPDX-License-Identifier: Apache-2.0
// A counter-based random stream. <random>'s engines are portable but its distributions are not, and a library-wide
// engine would make a view depend on how many views were drawn before it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace edl_examples {

// SplitMix64 (Steele, Lea and Flood 2014), started from a key such as {seed, epoch, index}. Equal keys give equal
// streams on every machine.
class RandomStream {
 public:
  explicit RandomStream(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t word : key) {
      state_ ^= word;
      state_ = Next();
    }
  }

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  // Uniform in [0, 1), in steps of 2^-53.
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

  // Uniform in [low, high]. The modulo's bias is below 2^-40 for the small ranges used here.
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_ = 0;
};

// Fisher-Yates; std::shuffle's order differs between standard libraries.
inline void Shuffle(std::vector<std::int64_t>& values, RandomStream& random) {
  for (std::size_t remaining = values.size(); remaining > 1; --remaining) {
    const auto chosen = static_cast<std::size_t>(random.Between(0, static_cast<std::int64_t>(remaining) - 1));
    std::swap(values[remaining - 1], values[chosen]);
  }
}

}  // namespace edl_examples
