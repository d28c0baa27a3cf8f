// SPDX-License-Identifier: Apache-2.0
// Batches: the trainer's own loader, which knows nothing of teachers. Texts differ in length, and so do batches.
// Shapes: tokens int32 [rows, bytes of the longest text]: the text's bytes, then zeros; lengths int32 [rows]: how many
//         bytes; ngrams int64 [rows, most n-grams of a text]: hashed, then zeros; label int64 [rows], or kUnlabelled;
//         index int64 [rows]: the text's place in the data set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edl/batch_source.h"
#include "examples/text_sentiment/dataset.h"

namespace text_sentiment {

// What each batch carries, in this order. The teacher takes tokens and lengths by name; the n-grams, which the student
// reads, and the rest never leave this process.
inline const std::vector<std::string> kBatchFields = {"tokens", "lengths", "ngrams", "label", "index"};
enum BatchField { kTokens, kLengths, kNgrams, kLabel, kIndex };

inline constexpr std::int64_t kNgramBuckets = 4096;  // hashes are 1 to this - 1; 0 is padding

using Snippets = std::shared_ptr<const std::vector<Snippet>>;

// The batch of those snippets, padded to its own longest.
edl::Fields MakeBatch(const std::vector<Snippet>& snippets, const std::vector<std::int64_t>& indices);

// Every snippet once an epoch, the last batch being shorter: the same for the same seed and epoch, whoever asks.
edl::EpochFunction<edl::Fields> MakeBatches(Snippets snippets, std::int64_t batch_rows, std::uint64_t seed);

// In an epoch.
std::int64_t BatchCount(const std::vector<Snippet>& snippets, std::int64_t batch_rows);

}  // namespace text_sentiment
