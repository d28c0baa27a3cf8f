// SPDX-License-Identifier: Apache-2.0
// What the demo's claims rest on: the data, the views, and the count of rows.
#include <torch/torch.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "examples/fashion_mnist/dataset.h"
#include "examples/fashion_mnist/loader.h"
#include "examples/fashion_mnist/modes.h"
#include "examples/fashion_mnist/networks.h"
#include "examples/fashion_mnist/report.h"
#include "examples/fashion_mnist/teacher_script.h"
#include "examples/fashion_mnist/views.h"
#include "gmock/gmock.h"

namespace fashion_mnist {
namespace {

using ::testing::HasSubstr;

Dataset SmallDataset() {
  torch::manual_seed(7);
  return {torch::randint(256, {64, 1, 28, 28}, torch::kUInt8), torch::arange(64) % 10};
}

constexpr Augmentation kStrong{2, true, 20, 8};

TEST(Dataset, HoldsTheWholeDataSet) {
  const Dataset test = Load(kDefaultDirectory, Part::kTest);
  EXPECT_EQ(test.size(), 10'000);
  EXPECT_EQ(torch::bincount(test.labels).min().item<std::int64_t>(), 1'000);
  EXPECT_EQ(test.images.sizes(), (torch::IntArrayRef{10'000, 1, 28, 28}));
}

TEST(Dataset, NamesTheFileThatIsMissingShortOrDamaged) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "edl_fashion_mnist_test";
  std::filesystem::create_directories(folder);
  const std::filesystem::path images = folder / "t10k-images-idx3-ubyte.gz";
  auto complaint = [&]() -> std::string {
    try {
      Load(folder, Part::kTest);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  std::filesystem::remove(images);
  EXPECT_THAT(complaint(), HasSubstr("t10k-images-idx3-ubyte.gz: cannot be opened"));
  auto write = [&](const std::string& bytes) {
    gzFile file = gzopen(images.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
  };
  write("what is this?");
  EXPECT_THAT(complaint(), HasSubstr("is not the idx file expected here"));
  write(std::string("\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c too few pixels", 32));
  EXPECT_THAT(complaint(), HasSubstr("ends early"));
  std::filesystem::remove_all(folder);
}

TEST(Dataset, ABalancedSubsetHasAsManyOfEachClassAndFollowsItsSeed) {
  const Dataset all = SmallDataset();
  const Dataset subset = DrawBalancedSubset(all, 20, 1);
  EXPECT_EQ(torch::bincount(subset.labels).max().item<std::int64_t>(), 2);
  EXPECT_TRUE(torch::equal(subset.images, DrawBalancedSubset(all, 20, 1).images));
  EXPECT_FALSE(torch::equal(subset.images, DrawBalancedSubset(all, 20, 2).images));
  EXPECT_THROW(DrawBalancedSubset(all, 15, 1), std::invalid_argument);
  EXPECT_THROW(DrawBalancedSubset(all, 100, 1), std::invalid_argument);
}

TEST(Views, WithoutAugmentationAreTheImages) {
  const Dataset data = SmallDataset();
  EXPECT_TRUE(
      torch::equal(MakeViews(data.images, {5, 9}, 1, 2, {}), data.images.index_select(0, torch::tensor({5, 9}))));
}

TEST(Views, DependOnSeedEpochAndIndexAndOnNothingElse) {
  const Dataset data = SmallDataset();
  const torch::Tensor views = MakeViews(data.images, {3, 8, 20}, 1, 4, kStrong);
  EXPECT_TRUE(torch::equal(MakeViews(data.images, {20}, 1, 4, kStrong)[0], views[2]));
  EXPECT_FALSE(torch::equal(MakeViews(data.images, {20}, 1, 5, kStrong)[0], views[2]));
  EXPECT_FALSE(torch::equal(MakeViews(data.images, {20}, 2, 4, kStrong)[0], views[2]));
  EXPECT_THROW(MakeViews(data.images, {64}, 1, 1, kStrong), std::out_of_range);
}

TEST(Loader, GivesEachImageAtMostOnceAnEpochInAnotherOrderEachTime) {
  const Dataset data = SmallDataset();
  const Schedule schedule{2, 16, 0.1, 0.1};
  const auto loader = MakeLoader(data, schedule, {}, 1);
  auto order_of = [&](std::int64_t epoch) {
    std::vector<std::int64_t> order;
    auto next = loader(epoch);
    while (auto fields = next().value()) {
      const auto* index = (*fields)[2].data_as<std::int64_t>();
      order.insert(order.end(), index, index + (*fields)[2].rows());
    }
    return order;
  };
  const auto first = order_of(0);
  EXPECT_EQ(std::set<std::int64_t>(first.begin(), first.end()).size(), 64U);
  EXPECT_EQ(first, order_of(0));
  EXPECT_NE(first, order_of(1));
}

// The demo says "no row was lost": this count has to be able to say otherwise.
TEST(RowAudit, FindsWhatIsLostAndWhatIsDoubled) {
  const Dataset data = SmallDataset();
  const auto loader = MakeLoader(data, {2, 16, 0.1, 0.1}, {}, 1);
  RowAudit audit(loader, data.size(), 2);
  audit.Count(0, torch::arange(64));
  audit.Count(1, torch::arange(64));
  EXPECT_EQ(audit.Compare().lost, 0);
  EXPECT_EQ(audit.Compare().doubled, 0);
  RowAudit other(loader, data.size(), 2);
  other.Count(0, torch::arange(64));
  other.Count(1, torch::arange(64).where(torch::arange(64) != 7, torch::tensor(8)));  // 8 instead of 7
  EXPECT_EQ(other.Compare().lost, 1);
  EXPECT_EQ(other.Compare().doubled, 1);
}

TEST(RowAudit, ARowOfOneEpochDoesNotStandInForThatOfAnother) {
  const Dataset data = SmallDataset();
  RowAudit audit(MakeLoader(data, {2, 16, 0.1, 0.1}, {}, 1), data.size(), 2);
  audit.Count(0, torch::arange(64));
  audit.Count(0, torch::arange(64));
  EXPECT_EQ(audit.Compare().lost, 64);
  EXPECT_EQ(audit.Compare().doubled, 64);
}

TEST(TeacherScript, GivesTheTeachersLogits) {
  torch::manual_seed(7);
  Teacher teacher;
  const Dataset data = SmallDataset();
  teacher(data.images);  // so that batch normalisation has seen something
  teacher->eval();
  const torch::NoGradGuard no_grad;
  torch::jit::Module script = MakeTeacherScript(teacher);
  EXPECT_TRUE(torch::allclose(script.forward({data.images}).toTensor(), teacher(data.images), 1e-3, 1e-4));
}

TEST(Report, OutlivesThatThereIsNoGnuplot) {
  Report report;
  // More than a pipe holds.
  report.modes = {{"none", "no distillation", "none", "2 cores", {std::vector<double>(20'000, 88.5)}, {1000}}};
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/no/such/folder", 1);
  const bool drawn = report.DrawChart(::testing::TempDir() + "/edl_no_chart.svg");
  setenv("PATH", path.c_str(), 1);
  EXPECT_FALSE(drawn);
}

TEST(Report, IsATableAndJson) {
  Report report;
  report.modes = {{"none", "no distillation", "none", "2 cores", {{80, 88.5}}, {1000}},
                  {"service", "service-type distillation", "2 processes", "2 cores", {{81, 89.25}}, {990}}};
  report.seeds = {1};
  report.batch_rows = 128;
  EXPECT_THAT(report.Table(), HasSubstr("| 89.25 |    990 |  99 % |"));
  EXPECT_THAT(report.Json(), HasSubstr("\"acc1\": 89.25"));
  EXPECT_THAT(report.Json(), HasSubstr("\"rows_lost\": 0"));
}

}  // namespace
}  // namespace fashion_mnist
