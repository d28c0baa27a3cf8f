// SPDX-License-Identifier: Apache-2.0
// What a step of the ResNet trainer does, and that a training goes on where it stopped.
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "examples/resnet50_vd/checkpoint.h"
#include "examples/resnet50_vd/modes.h"
#include "examples/resnet50_vd/schedule.h"
#include "examples/resnet50_vd/student_loss.h"
#include "examples/resnet50_vd/trainer.h"
#include "gmock/gmock.h"

namespace resnet {
namespace {

namespace F = torch::nn::functional;
using ::testing::HasSubstr;

TEST(LearningRate, RisesAndThenFallsAlongACosine) {
  Schedule schedule;
  schedule.peak_rate = 0.8;
  schedule.epochs = 12;
  schedule.warmup_epochs = 2;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.5), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 2), 0.8);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 7), 0.4);
  EXPECT_NEAR(LearningRate(schedule, 12), 0, 1e-15);
}

TEST(LearningRate, FallsByAFactorAtEachBoundary) {
  Schedule schedule;
  schedule.peak_rate = 1;
  schedule.decay = Decay::kPiecewise;
  schedule.epochs = 90;
  schedule.boundaries = {30, 60};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 29.9), 1);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 30), 0.1);
  EXPECT_NEAR(LearningRate(schedule, 60.5), 0.01, 1e-15);
}

struct SomeLogits {
  SomeLogits() {
    torch::manual_seed(3);
    logits = torch::randn({6, 4});
    batch.labels = torch::randint(4, {6});
    batch.other_labels = torch::randint(4, {6});
  }
  torch::Tensor logits;
  Batch batch;
};

TEST(StudentLoss, OfHardLabelsIsSmoothedCrossEntropy) {
  SomeLogits some;
  const torch::Tensor want =
      F::cross_entropy(some.logits, some.batch.labels, F::CrossEntropyFuncOptions().label_smoothing(0.1));
  EXPECT_TRUE(torch::allclose(StudentLoss(some.logits, some.batch, {0.1, 1, 1}), want));
}

TEST(StudentLoss, OfMixedImagesIsTheMixOfBothLabelsLosses) {
  SomeLogits some;
  some.batch.mix = torch::full({6}, 0.25);
  const torch::Tensor want = 0.25 * F::cross_entropy(some.logits, some.batch.labels) +
                             0.75 * F::cross_entropy(some.logits, some.batch.other_labels);
  EXPECT_TRUE(torch::allclose(StudentLoss(some.logits, some.batch, {}), want));
}

// The original minimises the cross entropy with the teacher's probabilities; the two differ by the teacher's entropy,
// which no weight of the student changes.
TEST(StudentLoss, OfSoftLabelsHasTheGradientOfTheirCrossEntropy) {
  SomeLogits some;
  some.batch.teacher_logits = torch::randn({6, 4});
  const torch::Tensor ours = some.logits.clone().requires_grad_(), theirs = some.logits.clone().requires_grad_();
  StudentLoss(ours, some.batch, {}).backward();
  (-(torch::softmax(some.batch.teacher_logits, 1) * torch::log_softmax(theirs, 1)).sum(1).mean()).backward();
  EXPECT_TRUE(torch::allclose(ours.grad(), theirs.grad(), 1e-5, 1e-7));
}

TEST(StudentLoss, OfBothWeighsThem) {
  SomeLogits some;
  some.batch.teacher_logits = torch::randn({6, 4});
  const torch::Tensor soft = StudentLoss(some.logits, some.batch, {0, 1, 2});
  Batch hard = some.batch;
  hard.teacher_logits = torch::Tensor();
  const torch::Tensor want = 0.3 * soft + 0.7 * StudentLoss(some.logits, hard, {0.1, 1, 1});
  EXPECT_TRUE(torch::allclose(StudentLoss(some.logits, some.batch, {0.1, 0.3, 2}), want));
}

const torch::Device kCpu(torch::kCPU);
constexpr std::int64_t kBatchesPerEpoch = 4;

Batch BatchAt(Position position) {
  torch::manual_seed(static_cast<std::uint64_t>(100 + position.epoch * kBatchesPerEpoch + position.batch));
  Batch batch;
  batch.images = torch::randint(256, {4, 3, 32, 32}, torch::kUInt8);
  batch.labels = torch::randint(3, {4});
  return batch;
}

struct Training {
  explicit Training(const TrainerOptions& options = Options())
      : trainer(Network(), options, kCpu, kBatchesPerEpoch, *ranks) {}

  static TrainerOptions Options() {
    TrainerOptions options;
    options.schedule.epochs = 2;
    options.schedule.peak_rate = 0.05;
    return options;
  }
  static ResNet Network() {
    torch::manual_seed(1);
    return ResNet(FindSpec("ResNet18"), ResNetOptions{3, false});
  }
  void TrainUntil(Position end) {
    while (position.epoch != end.epoch || position.batch != end.batch) {
      trainer.Step(position, BatchAt(position));
      if (++position.batch == kBatchesPerEpoch) position = {position.epoch + 1, 0};
    }
  }
  std::vector<torch::Tensor> Learned() const {
    std::vector<torch::Tensor> all = trainer.network()->parameters();
    for (const torch::Tensor& buffer : trainer.network()->buffers()) all.push_back(buffer);
    return all;
  }

  std::unique_ptr<Ranks> ranks = Ranks::Join({}, kCpu);
  Trainer trainer;
  Position position;
};

void ExpectSameBits(const Training& a, const Training& b) {
  const std::vector<torch::Tensor> of_a = a.Learned(), of_b = b.Learned();
  ASSERT_EQ(of_a.size(), of_b.size());
  for (std::size_t i = 0; i < of_a.size(); ++i) ASSERT_TRUE(torch::equal(of_a[i], of_b[i])) << i;
}

TEST(Trainer, LearnsABatchByHeart) {
  Training training;
  const Batch batch = BatchAt({});
  const double before = training.trainer.Step({}, batch).item<double>();
  double after = before;
  for (int i = 0; i < 20; ++i) after = training.trainer.Step({}, batch).item<double>();
  EXPECT_LT(after, before / 4);
  const Score score = training.trainer.Classify(batch);
  EXPECT_EQ(score.rows, 4);
  EXPECT_LE(score.top1, 4);
  EXPECT_EQ(score.top5, 4);  // of three classes
}

TEST(Trainer, DecaysWeightsButNeitherNormsNorBiases) {
  TrainerOptions options = Training::Options();
  options.weight_decay = 0.5;
  options.loss.alpha = 0;
  Training decaying(options);
  options.weight_decay = 0;
  Training plain(options);
  decaying.trainer.Step({}, BatchAt({}));
  plain.trainer.Step({}, BatchAt({}));
  const auto of_decaying = decaying.trainer.network()->named_parameters(),
             of_plain = plain.trainer.network()->named_parameters();
  for (const auto& parameter : of_decaying) {
    const bool same = torch::equal(parameter.value(), of_plain[parameter.key()]);
    EXPECT_EQ(same, parameter.value().dim() == 1) << parameter.key();
  }
}

TEST(Trainer, FrozenNormsStayAsTheyAre) {
  TrainerOptions options = Training::Options();
  options.norms = Norms::kFrozen;
  Training training(options);
  const torch::Tensor before = training.trainer.network()->named_buffers()["bn1.running_mean"].clone();
  training.trainer.Step({}, BatchAt({}));
  EXPECT_TRUE(torch::equal(training.trainer.network()->named_buffers()["bn1.running_mean"], before));
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() { std::filesystem::create_directories(folder_); }
  ~CheckpointTest() override { std::filesystem::remove_all(folder_); }
  std::string Complaint(const std::string& settings) {
    Training training;
    try {
      LoadCheckpoint(file_, training.trainer, settings);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("edl_checkpoint_test" + std::to_string(getpid()));
  const std::filesystem::path file_ = folder_ / "checkpoint.pt";
};

TEST_F(CheckpointTest, LetsATrainingGoOnBitForBit) {
  Training undisturbed, first, second;
  undisturbed.TrainUntil({2, 0});
  first.TrainUntil({1, 2});
  SaveCheckpoint(file_, first.trainer, first.position, "lr = 1\n");
  second.position = LoadCheckpoint(file_, second.trainer, "lr = 1\n");
  EXPECT_EQ(second.position.epoch, 1);
  EXPECT_EQ(second.position.batch, 2);
  second.TrainUntil({2, 0});
  ExpectSameBits(undisturbed, second);
}

TEST_F(CheckpointTest, OfAnotherTrainingIsRefusedWithWhatDiffers) {
  Training training;
  SaveCheckpoint(file_, training.trainer, {}, "lr = 1\nseed = 7\n");
  EXPECT_THAT(Complaint("lr = 1\nseed = 8\n"),
              HasSubstr("is of another training. It had\n  seed = 7\nand this one has\n  seed = 8\n"));
}

TEST_F(CheckpointTest, ThatIsNoneIsRefused) {
  std::ofstream(file_) << "no archive at all";
  EXPECT_THAT(Complaint(""), HasSubstr("checkpoint.pt is no checkpoint that a training can go on from"));
  std::filesystem::remove(file_);
  EXPECT_THAT(Complaint(""), HasSubstr("checkpoint.pt is no checkpoint"));
}

}  // namespace
}  // namespace resnet
