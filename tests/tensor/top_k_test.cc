// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
std::vector<T> Values(const Tensor& tensor) {
  return std::vector<T>(tensor.data_as<T>(), tensor.data_as<T>() + tensor.element_count());
}

TopScores TopOf(Shape shape, std::vector<float> scores, PredictionCompression how) {
  return TopK(Tensor::FromVector(std::move(shape), std::move(scores)).value(), how).value();
}

PredictionCompression Top(std::int64_t k, Scores scores = Scores::kLogits, double temperature = 1) {
  return {DType::kFp32, k, scores, temperature};
}

TEST(TopK, GivesTheHighestFirstAndOfEqualOnesTheLowerClass) {
  const TopScores top = TopOf({2, 5}, {1, 5, 3, 5, 2, /**/ 0, 0, 0, 0, 0}, Top(3));
  EXPECT_EQ(top.values.shape(), (Shape{2, 3}));
  EXPECT_THAT(Values<float>(top.values), ElementsAre(5, 5, 3, 0, 0, 0));
  EXPECT_THAT(Values<std::int32_t>(top.index), ElementsAre(1, 3, 2, 0, 1, 2));
  EXPECT_EQ(top.rest.shape(), (Shape{2}));
}

TEST(TopK, KeepsTheDimensionsBeforeTheClasses) {
  const TopScores top = TopOf({1, 2, 3}, {1, 2, 3, 6, 5, 4}, Top(1));
  EXPECT_EQ(top.values.shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(top.index.shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(top.rest.shape(), (Shape{1, 2}));
  EXPECT_THAT(Values<std::int32_t>(top.index), ElementsAre(2, 0));
}

TEST(TopK, FindsWhatSortingFinds) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const auto classes = std::uniform_int_distribution<std::size_t>(2, 400)(random);
    const auto k = std::uniform_int_distribution<std::size_t>(1, classes - 1)(random);
    std::vector<float> scores(classes);  // many of them equal
    for (float& score : scores) score = static_cast<float>(std::uniform_int_distribution<>(-50, 50)(random));
    std::vector<std::int32_t> sorted(classes);
    std::iota(sorted.begin(), sorted.end(), 0);
    std::stable_sort(sorted.begin(), sorted.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
    sorted.resize(k);
    const TopScores top = TopOf({1, static_cast<std::int64_t>(classes)}, scores, Top(static_cast<std::int64_t>(k)));
    ASSERT_EQ(Values<std::int32_t>(top.index), sorted);
  }
}

TEST(TopK, TheRestOfProbabilitiesIsTheirSum) {
  const TopScores top = TopOf({1, 4}, {0.5f, 0.125f, 0.25f, 0.125f}, Top(2, Scores::kProbabilities));
  EXPECT_THAT(Values<float>(top.rest), ElementsAre(0.25f));
}

// The point of it: a softmax over what came is that over all classes, with those that did not come taken together.
TEST(TopK, TheRestOfLogitsHasTheirMassAtTheTemperature) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 4);
  for (const double temperature : {0.5, 1.0, 4.0}) {
    std::vector<float> logits(1'000);
    for (float& logit : logits) logit = 80 + normal(random);  // far from 0: exponentials would overflow
    const TopScores top = TopOf({1, 1'000}, logits, Top(8, Scores::kLogits, temperature));
    double all = 0, others = 0;
    std::vector<std::int32_t> index = Values<std::int32_t>(top.index);
    for (std::int32_t i = 0; i < 1'000; ++i) {
      const double mass = std::exp((logits[i] - 80) / temperature);
      all += mass;
      if (std::find(index.begin(), index.end(), i) == index.end()) others += mass;
    }
    double softmax_all = std::exp((Values<float>(top.rest)[0] - 80) / temperature);
    for (float value : Values<float>(top.values)) softmax_all += std::exp((value - 80) / temperature);
    EXPECT_NEAR(softmax_all / all, 1, 1e-4);
    EXPECT_NEAR(std::exp((Values<float>(top.rest)[0] - 80) / temperature) / all, others / all, 1e-4);
  }
}

TEST(TopK, TheRestHasItsMassHoweverFarBelowTheHighestItLies) {
  EXPECT_NEAR(Values<float>(TopOf({1, 3}, {1e4f, 0, 0}, Top(1)).rest)[0], std::log(2), 1e-6);
  EXPECT_NEAR(Values<float>(TopOf({1, 3}, {kInfinity, 200, 200}, Top(1)).rest)[0], 200 + std::log(2), 1e-4);
}

TEST(TopK, MaskedClassesHaveNoMass) {
  const TopScores some = TopOf({1, 4}, {-kInfinity, 1, 0, -kInfinity}, Top(1));
  EXPECT_NEAR(Values<float>(some.rest)[0], 0, 1e-6);
  const TopScores all = TopOf({1, 3}, {-kInfinity, -kInfinity, -kInfinity}, Top(1));
  EXPECT_THAT(Values<float>(all.rest), ElementsAre(-kInfinity));
}

TEST(TopK, WhatIsNotANumberIsLowestAndShows) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Scores scores : {Scores::kLogits, Scores::kProbabilities}) {
    const TopScores top = TopOf({1, 4}, {nan, 1, nan, 2}, Top(2, scores));
    EXPECT_THAT(Values<std::int32_t>(top.index), ElementsAre(3, 1));
    EXPECT_TRUE(std::isnan(Values<float>(top.rest)[0]));
  }
}

TEST(TopK, NoRowsHaveNoScores) {
  const TopScores top = TopOf({0, 4}, {}, Top(2));
  EXPECT_EQ(top.values.shape(), (Shape{0, 2}));
  EXPECT_EQ(top.rest.shape(), (Shape{0}));
}

TEST(TopK, RefusesWhatHasNotMoreClasses) {
  const auto three = Tensor::FromVector<float>({1, 3}, {1, 2, 3}).value();
  EXPECT_THAT(TopK(three, Top(3)).status().message(), HasSubstr("more classes than that"));
  EXPECT_FALSE(TopK(Tensor::FromVector<float>({3}, {1, 2, 3}).value(), Top(1)).ok());
  EXPECT_FALSE(TopK(Tensor::FromVector<std::int64_t>({1, 3}, {1, 2, 3}).value(), Top(1)).ok());
}

}  // namespace
}  // namespace edl
