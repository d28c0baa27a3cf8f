// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

struct Scored {
  float score;
  std::int32_t at;
};

float Key(float score) {
  return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
}

bool Higher(const Scored& a, const Scored& b) {
  const float left = Key(a.score), right = Key(b.score);
  return left > right || (left == right && a.at < b.at);
}

// Into `best`, the highest first. Few of many classes ever come among the best, so whole blocks are passed over by one
// comparison that compilers do for several scores at a time.
void FindBest(const float* scores, std::size_t classes, std::vector<Scored>& best) {
  const std::size_t k = best.size();
  for (std::size_t i = 0; i < k; ++i) best[i] = {scores[i], static_cast<std::int32_t>(i)};
  std::make_heap(best.begin(), best.end(), Higher);  // the lowest in front
  constexpr std::size_t kBlock = 32;
  for (std::size_t begin = k; begin < classes; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, classes);
    const float lowest = Key(best.front().score);
    bool any = false;
    for (std::size_t i = begin; i < end; ++i) any |= scores[i] > lowest;
    for (std::size_t i = begin; any && i < end; ++i) {
      if (!(scores[i] > Key(best.front().score))) continue;
      std::pop_heap(best.begin(), best.end(), Higher);
      best.back() = {scores[i], static_cast<std::int32_t>(i)};
      std::push_heap(best.begin(), best.end(), Higher);
    }
  }
  std::sort_heap(best.begin(), best.end(), Higher);
}

// Calls `visit` with the score of each class that is not among `chosen`, which are in ascending order.
template <typename Visit>
void ForTheRest(const float* scores, std::size_t classes, const std::vector<std::int32_t>& chosen, Visit visit) {
  std::size_t begin = 0;
  for (std::size_t c = 0; c <= chosen.size(); ++c) {
    const std::size_t end = c < chosen.size() ? static_cast<std::size_t>(chosen[c]) : classes;
    for (std::size_t i = begin; i < end; ++i) visit(scores[i]);
    begin = end + 1;
  }
}

float SumOfProbabilities(const float* scores, std::size_t classes, const std::vector<std::int32_t>& chosen) {
  double sum = 0;
  ForTheRest(scores, classes, chosen, [&](float score) { sum += score; });
  return static_cast<float>(sum);
}

float MassOfLogits(const float* scores, std::size_t classes, const std::vector<std::int32_t>& chosen,
                   double temperature) {
  float highest = -std::numeric_limits<float>::infinity();
  bool numbers = true;
  ForTheRest(scores, classes, chosen, [&](float score) {
    highest = score > highest ? score : highest;
    numbers &= score == score;
  });
  if (!numbers) return std::numeric_limits<float>::quiet_NaN();
  if (std::isinf(highest)) return highest;  // all are masked, or one outweighs everything
  const auto per_unit = static_cast<float>(1 / temperature);
  double sum = 0;  // 1 at least, and no exponential overflows
  ForTheRest(scores, classes, chosen, [&](float score) { sum += std::exp((score - highest) * per_unit); });
  return static_cast<float>(highest + temperature * std::log(sum));
}

}  // namespace

absl::StatusOr<TopScores> TopK(const Tensor& scores, const PredictionCompression& how) {
  const auto* from = scores.data_as<float>();
  if (scores.dtype() != DType::kFp32 || scores.shape().size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", scores.ToString(), "; the top ", how.top_k, " are taken of FP32 [rows, .., classes]"));
  }
  if (scores.shape().back() <= how.top_k) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", scores.ToString(), "; the top ", how.top_k, " are taken of more classes than that"));
  }
  Shape rest_shape(scores.shape().begin(), scores.shape().end() - 1);
  Shape shape = rest_shape;
  shape.push_back(how.top_k);
  const auto classes = static_cast<std::size_t>(scores.shape().back()), k = static_cast<std::size_t>(how.top_k);
  const std::size_t rows = static_cast<std::size_t>(scores.element_count()) / classes;
  std::vector<float> values(rows * k), rest(rows);
  std::vector<std::int32_t> index(rows * k), chosen(k);
  std::vector<Scored> best(k);
  for (std::size_t row = 0; row < rows; ++row, from += classes) {
    FindBest(from, classes, best);
    for (std::size_t i = 0; i < k; ++i) {
      values[row * k + i] = best[i].score;
      index[row * k + i] = chosen[i] = best[i].at;
    }
    std::sort(chosen.begin(), chosen.end());
    rest[row] = how.scores == Scores::kProbabilities ? SumOfProbabilities(from, classes, chosen)
                                                     : MassOfLogits(from, classes, chosen, how.temperature);
  }
  TopScores top;
  EDL_ASSIGN_OR_RETURN(top.values, Tensor::FromVector(shape, std::move(values)));
  EDL_ASSIGN_OR_RETURN(top.index, Tensor::FromVector(shape, std::move(index)));
  EDL_ASSIGN_OR_RETURN(top.rest, Tensor::FromVector(std::move(rest_shape), std::move(rest)));
  return top;
}

}  // namespace edl
