// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/distillation_loss.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

// The formula, term by term, in double precision.
double ByHand(const torch::Tensor& student, const torch::Tensor& labels, const torch::Tensor& teacher, double alpha,
              double temperature) {
  auto softmax = [](const torch::Tensor& logits, std::int64_t row, double t) {
    std::vector<double> p;
    double sum = 0;
    for (std::int64_t c = 0; c < logits.size(1); ++c) {
      p.push_back(std::exp(logits[row][c].item<double>() / t));
      sum += p.back();
    }
    for (double& value : p) value /= sum;
    return p;
  };
  double total = 0;
  for (std::int64_t row = 0; row < student.size(0); ++row) {
    const auto hard = softmax(student, row, 1);
    total += (1 - alpha) * -std::log(hard[static_cast<std::size_t>(labels[row].item<std::int64_t>())]);
    const auto q = softmax(student, row, temperature);
    const auto p = softmax(teacher, row, temperature);
    double kl = 0;
    for (std::size_t c = 0; c < p.size(); ++c) kl += p[c] * std::log(p[c] / q[c]);
    total += alpha * temperature * temperature * kl;
  }
  return total / static_cast<double>(student.size(0));
}

TEST(DistillationLoss, IsTheFormula) {
  torch::manual_seed(test::Seed());
  for (double alpha : {0.0, 0.3, 0.9, 1.0}) {
    for (double temperature : {0.5, 1.0, 4.0}) {
      const torch::Tensor student = torch::randn({5, 7}, torch::kDouble) * 3;
      const torch::Tensor teacher = torch::randn({5, 7}, torch::kDouble) * 3;
      const torch::Tensor labels = torch::randint(7, {5}, torch::kLong);
      EXPECT_NEAR(DistillationLoss(student, labels, teacher, {alpha, temperature}).item<double>(),
                  ByHand(student, labels, teacher, alpha, temperature), 1e-9)
          << "alpha " << alpha << ", temperature " << temperature;
    }
  }
}

TEST(DistillationLoss, ATeacherThatAgreesLeavesNothingToLearn) {
  torch::Tensor student = torch::randn({4, 10}).requires_grad_();
  torch::Tensor loss = DistillationLoss(student, {}, student.detach().clone(), {1.0, 4.0});
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 0, 1e-6);
  EXPECT_LT(student.grad().abs().max().item<double>(), 1e-6);
}

TEST(DistillationLoss, GradientsGoToTheStudentAlone) {
  torch::Tensor student = torch::randn({4, 10}).requires_grad_();
  torch::Tensor teacher = torch::randn({4, 10}).requires_grad_();
  DistillationLoss(student, torch::zeros({4}, torch::kLong), teacher).backward();
  EXPECT_GT(student.grad().abs().sum().item<double>(), 0);
  EXPECT_FALSE(teacher.grad().defined());
}

TEST(DistillationLoss, StaysFiniteForALabelThatIsAllButCertain) {
  torch::Tensor student = torch::tensor({{0.0, 0.0}});
  torch::Tensor teacher = torch::tensor({{1e4, -1e4}});
  EXPECT_NEAR(DistillationLoss(student, {}, teacher, {1.0, 1.0}).item<double>(), std::log(2.0), 1e-6);
}

TEST(DistillationLoss, TakesTeacherLogitsOfAnotherFloatingType) {
  torch::Tensor student = torch::randn({4, 10});
  torch::Tensor teacher = torch::randn({4, 10}).to(torch::kHalf);
  torch::Tensor loss = DistillationLoss(student, torch::zeros({4}, torch::kLong), teacher);
  EXPECT_EQ(loss.scalar_type(), torch::kFloat32);
}

TEST(DistillationLoss, SaysWhatDoesNotFit) {
  const torch::Tensor logits = torch::randn({4, 10});
  const torch::Tensor labels = torch::zeros({4}, torch::kLong);
  auto complaint = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "";
  };
  EXPECT_THAT(complaint([&] { DistillationLoss(logits, labels, logits, {1.5, 4}); }), HasSubstr("alpha is 1.5"));
  EXPECT_THAT(complaint([&] { DistillationLoss(logits, labels, logits, {0.5, 0}); }), HasSubstr("temperature is 0"));
  EXPECT_THAT(complaint([&] { DistillationLoss(logits, logits, labels); }), HasSubstr("teacher_logits do not fit"));
  EXPECT_THAT(complaint([&] { DistillationLoss(logits, labels, torch::randn({4, 9})); }), HasSubstr("[4, 10]"));
  EXPECT_THAT(complaint([&] { DistillationLoss(logits, torch::zeros({3}, torch::kLong), logits); }),
              HasSubstr("labels are not int64 [4]"));
}

// The k highest and the mass of the rest, of all logits.
TopLogits TopOf(const torch::Tensor& logits, std::int64_t k, double temperature) {
  const auto [values, index] = logits.topk(k, 1);
  const torch::Tensor others = logits.scatter(1, index, -std::numeric_limits<double>::infinity());
  return {values, index.to(torch::kInt), temperature * (others / temperature).logsumexp(1)};
}

TEST(DistillationLoss, OfTopLogitsTakesTheOtherClassesTogether) {
  torch::manual_seed(test::Seed());
  for (double temperature : {0.5, 1.0, 4.0}) {
    const torch::Tensor student = torch::randn({5, 7}, torch::kDouble) * 3;
    const torch::Tensor teacher = torch::randn({5, 7}, torch::kDouble) * 3;
    const torch::Tensor labels = torch::randint(7, {5}, torch::kLong);
    const double all = DistillationLoss(student, labels, teacher, {0.9, temperature}).item<double>();
    // One class is left: together with itself.
    EXPECT_NEAR(DistillationLoss(student, labels, TopOf(teacher, 6, temperature), {0.9, temperature}).item<double>(),
                all, 1e-9);
    const double top =
        DistillationLoss(student, labels, TopOf(teacher, 2, temperature), {0.9, temperature}).item<double>();
    EXPECT_LT(top, all);
    // By hand: three classes each, made by adding up.
    auto grouped = [&](const torch::Tensor& logits) {
      const torch::Tensor p = (logits / temperature).softmax(1), index = std::get<1>(teacher.topk(2, 1));
      const torch::Tensor best = p.gather(1, index);
      return torch::cat({best, 1 - best.sum(1, true)}, 1);
    };
    const torch::Tensor p = grouped(teacher), q = grouped(student);
    const double soft = (p * (p / q).log()).sum().item<double>() / 5 * temperature * temperature;
    const double hard = DistillationLoss(student, labels, teacher, {0.0, temperature}).item<double>();
    EXPECT_NEAR(top, 0.9 * soft + 0.1 * hard, 1e-9);
  }
}

TEST(DistillationLoss, OfTopLogitsHasGradientsForTheStudentAlone) {
  const torch::Tensor student = torch::randn({4, 10}).requires_grad_();
  const TopLogits teacher = TopOf(torch::randn({4, 10}), 3, 2);
  DistillationLoss(student, {}, teacher, {1.0, 2.0}).backward();
  EXPECT_TRUE(student.grad().isfinite().all().item<bool>());
  EXPECT_GT(student.grad().abs().sum().item<double>(), 0);
}

TEST(DistillationLoss, WhatTheTeacherHoldsImpossibleHasNoPart) {
  const double impossible = -std::numeric_limits<double>::infinity();
  torch::Tensor teacher = torch::tensor({{2.0, 1.0, impossible, impossible}}, torch::kDouble);
  torch::Tensor student = torch::randn({1, 4}, torch::kDouble).requires_grad_();
  const torch::Tensor all = DistillationLoss(student, {}, teacher, {1.0, 2.0});
  const torch::Tensor top = DistillationLoss(student, {}, TopOf(teacher, 2, 2.0), {1.0, 2.0});
  EXPECT_TRUE(std::isfinite(all.item<double>()));
  EXPECT_NEAR(top.item<double>(), all.item<double>(), 1e-9);
  (all + top).backward();
  EXPECT_TRUE(student.grad().isfinite().all().item<bool>());
}

TEST(DistillationLoss, OfTopLogitsThatDoNotFitSaysWhatIsExpected) {
  const torch::Tensor student = torch::randn({4, 10});
  TopLogits teacher = TopOf(torch::randn({4, 10}), 3, 2);
  teacher.rest = teacher.rest.slice(0, 1);
  try {
    DistillationLoss(student, {}, teacher, {1.0, 2.0});
    FAIL() << "nothing was thrown";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("index int32 or int64 [4, k], rest float [4]"));
  }
}

}  // namespace
}  // namespace edl
