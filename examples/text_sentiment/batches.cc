// SPDX-License-Identifier: Apache-2.0
#include "examples/text_sentiment/batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "examples/support/random.h"

namespace text_sentiment {
namespace {

constexpr std::size_t kLongestNgram = 3;                     // bytes
constexpr std::uint64_t kOrderStream = 0x4f52444552000000u;  // apart from the draw's

template <typename T>
edl::Tensor Column(std::vector<T> values) {
  const auto rows = static_cast<std::int64_t>(values.size());
  return edl::Tensor::FromVector<T>({rows}, std::move(values)).value();
}

// Rows of different lengths as one tensor, zeros behind the shorter ones.
template <typename T>
edl::Tensor Pad(const std::vector<std::vector<T>>& rows) {
  std::size_t longest = 0;
  for (const std::vector<T>& row : rows) longest = std::max(longest, row.size());
  std::vector<T> padded(rows.size() * longest);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::copy(rows[r].begin(), rows[r].end(), padded.begin() + static_cast<std::ptrdiff_t>(r * longest));
  }
  return edl::Tensor::FromVector<T>({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(longest)},
                                    std::move(padded))
      .value();
}

// The n-grams of a text, the spaces at its ends included: " d" begins a word.
std::vector<std::int64_t> HashNgrams(const std::string& text) {
  const std::string spaced = " " + text + " ";
  std::vector<std::int64_t> hashes;
  for (std::size_t size = 1; size <= kLongestNgram; ++size) {
    for (std::size_t at = 0; at + size <= spaced.size(); ++at) {
      hashes.push_back(1 + static_cast<std::int64_t>(Hash(spaced.data() + at, size) % (kNgramBuckets - 1)));
    }
  }
  return hashes;
}

}  // namespace

edl::Fields MakeBatch(const std::vector<Snippet>& snippets, const std::vector<std::int64_t>& indices) {
  std::vector<std::vector<std::int32_t>> tokens;
  std::vector<std::vector<std::int64_t>> ngrams;
  std::vector<std::int32_t> lengths;
  std::vector<std::int64_t> labels;
  for (const std::int64_t index : indices) {
    const Snippet& snippet = snippets.at(static_cast<std::size_t>(index));
    std::vector<std::int32_t>& bytes = tokens.emplace_back();
    for (const char byte : snippet.text) bytes.push_back(static_cast<unsigned char>(byte));
    lengths.push_back(static_cast<std::int32_t>(bytes.size()));
    ngrams.push_back(HashNgrams(snippet.text));
    labels.push_back(snippet.label);
  }
  return {Pad(tokens), Column(std::move(lengths)), Pad(ngrams), Column(std::move(labels)), Column(indices)};
}

edl::EpochFunction<edl::Fields> MakeBatches(Snippets snippets, std::int64_t batch_rows, std::uint64_t seed) {
  return [=](std::int64_t epoch) -> edl::Generator<edl::Fields> {
    std::vector<std::int64_t> order(snippets->size());
    std::iota(order.begin(), order.end(), 0);
    edl_examples::RandomStream random({kOrderStream, seed, static_cast<std::uint64_t>(epoch)});
    edl_examples::Shuffle(order, random);
    return
        [=, order = std::move(order), first = std::size_t{0}]() mutable -> absl::StatusOr<std::optional<edl::Fields>> {
          if (first == order.size()) return std::optional<edl::Fields>();
          const std::size_t end = std::min(first + static_cast<std::size_t>(batch_rows), order.size());
          const auto begin = order.begin() + static_cast<std::ptrdiff_t>(std::exchange(first, end));
          return std::optional<edl::Fields>(
              MakeBatch(*snippets, {begin, order.begin() + static_cast<std::ptrdiff_t>(end)}));
        };
  };
}

std::int64_t BatchCount(const std::vector<Snippet>& snippets, std::int64_t batch_rows) {
  return (static_cast<std::int64_t>(snippets.size()) + batch_rows - 1) / batch_rows;
}

}  // namespace text_sentiment
