// SPDX-License-Identifier: Apache-2.0
// train_resnet, export_teacher and edl-teacher as people use them: real processes, on a small ImageNet of real images.
#include <sys/stat.h>
#include <torch/torch.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "edl/testing/teacher_process.h"
#include "examples/fashion_mnist/dataset.h"
#include "examples/resnet50_vd/weights.h"
#include "gmock/gmock.h"
#include "src/testing/free_port.h"
#include "tests/support/image_files.h"
#include "tests/support/program.h"

namespace resnet {
namespace {

namespace fs = std::filesystem;
using edl::test::Program;
using edl::testing::TeacherProcess;
using ::testing::HasSubstr;

constexpr std::int64_t kTrainingImages = 64;
constexpr std::int64_t kValidationImages = 24;

// One thread a process, so that a step is the same bits whatever else the machine does.
const std::vector<std::string> kOneThread = {"OMP_NUM_THREADS=1"};

// A folder for each test, with Fashion-MNIST's images as JPEGs.
class TrainResnet : public ::testing::Test {
 protected:
  TrainResnet() { fs::create_directories(folder_); }
  ~TrainResnet() override { fs::remove_all(folder_); }

  static std::string Jpeg(const fashion_mnist::Dataset& images, std::int64_t at) {
    const torch::Tensor pixels = images.images[at].contiguous();
    const auto* first = pixels.data_ptr<std::uint8_t>();
    return edl::test::EncodeJpeg({28, 28, 1, std::vector<std::uint8_t>(first, first + pixels.numel())},
                                 edl::test::JpegKind::kGray);
  }
  static void Write(const fs::path& file, const std::string& bytes) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }

  // train_list.txt and val_list.txt, whose images lie side by side.
  fs::path ListedImages() {
    const fashion_mnist::Dataset images =
        fashion_mnist::Load(fashion_mnist::kDefaultDirectory, fashion_mnist::Part::kTest);
    std::string training, validation;
    for (std::int64_t i = 0; i < kTrainingImages + kValidationImages; ++i) {
      const std::string name = "images/" + std::to_string(i) + ".JPEG";
      Write(folder_ / "listed" / name, Jpeg(images, i));
      (i < kTrainingImages ? training : validation) +=
          name + " " + std::to_string(images.labels[i].item<std::int64_t>()) + "\n";
    }
    Write(folder_ / "listed/train_list.txt", training);
    Write(folder_ / "listed/val_list.txt", validation);
    return folder_ / "listed";
  }

  // train/CLASS/ and val/CLASS/.
  fs::path ClassFolders() {
    const fashion_mnist::Dataset images =
        fashion_mnist::Load(fashion_mnist::kDefaultDirectory, fashion_mnist::Part::kTest);
    for (std::int64_t i = 0; i < kTrainingImages + kValidationImages; ++i) {
      Write(folder_ / "folders" / (i < kTrainingImages ? "train" : "val") /
                ("n0" + std::to_string(images.labels[i].item<std::int64_t>())) / (std::to_string(i) + ".jpg"),
            Jpeg(images, i));
    }
    return folder_ / "folders";
  }

  fs::path Teacher() {
    const fs::path file = folder_ / "teacher.pt";
    Program exporter(
        {EXPORT_TEACHER, "--model=ResNet18", "--classes=10", "--image_size=32", "--output=" + file.string()});
    EXPECT_EQ(exporter.Wait(), 0) << exporter.output();
    return file;
  }

  std::unique_ptr<TeacherProcess> Serve(const fs::path& file) {
    auto teacher = TeacherProcess::Start({EDL_TEACHER, "--model", file.string(), "--name", "ResNet18", "--host",
                                          "127.0.0.1", "--port", "0", "--threads", "1", "--log-level", "warn"});
    EXPECT_TRUE(teacher.ok()) << teacher.status();
    return *std::move(teacher);
  }

  // The command line of a small training whose checkpoint goes to folder_/NAME.
  std::vector<std::string> Command(const fs::path& data, const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> command = {
        TRAIN_RESNET,      "--model=ResNet18", "--data_dir=" + data.string(),
        "--image_size=32", "--batch_size=8",   "--num_epochs=1",
        "--device=cpu",    "--lr=0.02",        "--reader_thread=2",
        "--class_dim=10",  "--seed=3",         "--model_save_dir=" + (folder_ / name).string()};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }

  // Runs it to its end, and expects that to be a good one.
  std::string Train(const std::vector<std::string>& command) {
    Program trainer(command, kOneThread);
    EXPECT_EQ(trainer.Wait(), 0) << trainer.output();
    return trainer.output();
  }

  // The same command by so many students together.
  static std::vector<std::unique_ptr<Program>> StartRanks(int ranks, const std::vector<std::string>& command) {
    const std::string port = std::to_string(edl::testing::FreePort());
    std::vector<std::unique_ptr<Program>> programs;
    for (int rank = 0; rank < ranks; ++rank) {
      programs.push_back(std::make_unique<Program>(
          command, std::vector<std::string>{"OMP_NUM_THREADS=1", "RANK=" + std::to_string(rank),
                                            "WORLD_SIZE=" + std::to_string(ranks), "MASTER_ADDR=127.0.0.1",
                                            "MASTER_PORT=" + port, "GLOO_SOCKET_IFNAME=lo"}));
    }
    return programs;
  }

  std::vector<torch::Tensor> Weights(const std::string& name) {
    ResNet network(FindSpec("ResNet18"), ResNetOptions{10, false});
    LoadWeights(network, folder_ / name / "checkpoint.pt");
    std::vector<torch::Tensor> all = network->parameters();
    for (const torch::Tensor& buffer : network->buffers()) all.push_back(buffer);
    return all;
  }

  void ExpectSameBits(const std::string& one, const std::string& other) {
    const std::vector<torch::Tensor> a = Weights(one), b = Weights(other);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_TRUE(torch::equal(a[i], b[i])) << one << ", " << other << ": " << i;
  }

  const fs::path folder_ = fs::path(::testing::TempDir()) / ("edl_train_resnet_test" + std::to_string(getpid()));
};

TEST_F(TrainResnet, TrainsInAllThreeModes) {
  const fs::path listed = ListedImages(), teacher_file = Teacher();
  EXPECT_THAT(Train(Command(listed, "plain")), HasSubstr("top-1"));
  const std::string in_process = Train(
      Command(listed, "in_process", {"--teacher_in_process=" + teacher_file.string(), "--use_label_smoothing=True"}));
  EXPECT_THAT(in_process, HasSubstr("epoch 1: loss"));
  EXPECT_THAT(in_process, HasSubstr("label smoothing does nothing here"));
  auto one = Serve(teacher_file), two = Serve(teacher_file);
  const std::string service =
      Train(Command(listed, "service",
                    {"--use_distill_service=True", "--distill_teachers=" + one->endpoint() + "," + two->endpoint()}));
  EXPECT_THAT(service, HasSubstr("epoch 1: loss"));
  // The same images, order and soft labels: the service is the conventional mode, but elsewhere.
  const std::vector<torch::Tensor> a = Weights("in_process"), b = Weights("service");
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_TRUE(torch::allclose(a[i], b[i], 1e-3, 1e-4)) << i;
}

TEST_F(TrainResnet, TakesClassFolders) {
  EXPECT_THAT(Train(Command(ClassFolders(), "folders")), HasSubstr("64 images of 10 classes, 8 batches of 8 an epoch"));
}

TEST_F(TrainResnet, ReportsABadImageAndGoesOnOrEndsAsItIsTold) {
  const fs::path listed = ListedImages();
  Write(listed / "images/5.JPEG", "this is no image");
  const std::string skipped = Train(Command(listed, "skip"));
  EXPECT_THAT(skipped, HasSubstr("images/5.JPEG"));
  EXPECT_THAT(skipped, HasSubstr("1 images could not be read"));
  Program trainer(Command(listed, "fail", {"--on_bad_image=fail"}), kOneThread);
  EXPECT_EQ(trainer.Wait(), 1);
  EXPECT_THAT(trainer.output(), HasSubstr("images/5.JPEG"));
}

// Wherever it is stopped, in order or not.
TEST_F(TrainResnet, GoesOnAsIfItHadNeverStopped) {
  const fs::path listed = ListedImages();
  auto teacher = Serve(Teacher());
  const std::vector<std::string> more = {"--num_epochs=4", "--checkpoint_interval=3", "--use_distill_service=True",
                                         "--distill_teachers=" + teacher->endpoint()};
  Train(Command(listed, "undisturbed", more));
  std::vector<std::string> resumed = more;
  resumed.emplace_back("--resume");
  for (int signal : {SIGTERM, SIGKILL}) {
    const std::string name = signal == SIGTERM ? "terminated" : "killed";
    Program trainer(Command(listed, name, more), kOneThread);
    // In mid-epoch: where the display of progress has a line.
    ASSERT_TRUE(trainer.ReadUntil(signal == SIGTERM ? "batch 2 of 8" : "epoch 1: loss")) << trainer.output();
    trainer.Signal(signal);
    EXPECT_EQ(trainer.Wait(), signal == SIGTERM ? 0 : -SIGKILL) << trainer.output();
    EXPECT_THAT(Train(Command(listed, name, resumed)), HasSubstr("goes on with batch"));
    ExpectSameBits("undisturbed", name);
  }
}

// SIGTERM comes while the student waits for teachers of which there is none.
TEST_F(TrainResnet, StopsWhileItWaitsForTeachers) {
  const fs::path listed = ListedImages();
  Program trainer(Command(listed, "waiting", {"--use_distill_service=True", "--distill_teachers=127.0.0.1:1"}),
                  kOneThread);
  ASSERT_TRUE(trainer.ReadUntil("batches of 8 an epoch")) << trainer.output();
  ASSERT_TRUE(trainer.ReadUntil("no teacher")) << trainer.output();  // as the reader's log says after a while
  trainer.Signal(SIGTERM);
  EXPECT_EQ(trainer.Wait(), 0) << trainer.output();
  EXPECT_THAT(trainer.output(), HasSubstr("stopped, to go on with --resume"));
}

// Several students of a global batch are one student of that batch. Norms are frozen: they normalise by the rank's own
// rows else.
TEST_F(TrainResnet, RanksTogetherAreOneStudentOfTheirBatches) {
  const fs::path listed = ListedImages();
  auto train = [&](int ranks, int batch_size) {
    const std::string name = std::to_string(ranks) + "ranks";
    auto programs = StartRanks(
        ranks,
        Command(listed, name, {"--freeze_norms=True", "--lr=0.001", "--batch_size=" + std::to_string(batch_size)}));
    for (auto& program : programs) EXPECT_EQ(program->Wait(), 0) << program->output();
    EXPECT_THAT(programs[0]->output(), HasSubstr("of 24 images"));
    return Weights(name);
  };
  const std::vector<torch::Tensor> one = train(1, 16), two = train(2, 8), four = train(4, 4);
  for (std::size_t i = 0; i < one.size(); ++i) {
    ASSERT_TRUE(torch::allclose(one[i], two[i], 1e-3, 1e-5)) << i;
    ASSERT_TRUE(torch::allclose(one[i], four[i], 1e-3, 1e-5)) << i;
  }
}

// A launcher that is to end signals them all; they agree on where.
TEST_F(TrainResnet, RanksStopTogetherAndGoOn) {
  const fs::path listed = ListedImages();
  const std::vector<std::string> more = {"--num_epochs=4", "--batch_size=8"};
  auto wait = [](const std::vector<std::unique_ptr<Program>>& ranks) {
    for (const auto& rank : ranks) EXPECT_EQ(rank->Wait(), 0) << rank->output();
  };
  wait(StartRanks(2, Command(listed, "undisturbed", more)));
  const auto stopped = StartRanks(2, Command(listed, "stopped", more));
  ASSERT_TRUE(stopped[0]->ReadUntil("epoch 1: loss")) << stopped[0]->output();
  for (const auto& rank : stopped) rank->Signal(SIGTERM);
  wait(stopped);
  EXPECT_THAT(stopped[0]->output(), HasSubstr("stopped, to go on with --resume"));
  std::vector<std::string> resumed = more;
  resumed.emplace_back("--resume");
  const auto again = StartRanks(2, Command(listed, "stopped", resumed));
  wait(again);
  EXPECT_THAT(again[0]->output(), HasSubstr("goes on with batch"));
  ExpectSameBits("undisturbed", "stopped");
}

// Before there is anything to stop.
TEST_F(TrainResnet, StopsWhileItOpensItsData) {
  const fs::path listed = ListedImages();
  fs::rename(listed / "train_list.txt", listed / "all.txt");
  ASSERT_EQ(mkfifo((listed / "train_list.txt").c_str(), 0600), 0);
  Program trainer(Command(listed, "early"), kOneThread);
  std::ofstream list(listed / "train_list.txt");  // returns when the trainer, too, has opened it
  trainer.Signal(SIGTERM);
  list << std::ifstream(listed / "all.txt").rdbuf();
  list.close();
  EXPECT_EQ(trainer.Wait(), 0) << trainer.output();
  EXPECT_THAT(trainer.output(), HasSubstr("stopped, to go on with --resume"));
}

TEST_F(TrainResnet, SaysWhatIsWrongWithItsFlags) {
  auto complaint = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), TRAIN_RESNET);
    Program trainer(flags, kOneThread);
    EXPECT_NE(trainer.Wait(), 0);
    return trainer.output();
  };
  EXPECT_THAT(complaint({"--use_distill_service=True"}), HasSubstr("--distill_teachers=host:port"));
  EXPECT_THAT(complaint({"--redis=redis://127.0.0.1:1"}), HasSubstr("--redis and --service go together"));
  EXPECT_THAT(complaint({"--model=ResNet51"}), HasSubstr("ResNet50_vd"));
  EXPECT_THAT(complaint({"--data_dir=" + folder_.string()}), HasSubstr("train_list.txt"));
  EXPECT_THAT(complaint({"--warm_up_epochs=200"}), HasSubstr("expected less than --num_epochs=120"));
  EXPECT_THAT(complaint({"--image_shape=3,224,192"}), HasSubstr("--image_shape=3,224,192; expected 3,SIDE,SIDE"));
  EXPECT_THAT(complaint({"--amp=True", "--device=cpu"}), HasSubstr("--amp=True is for CUDA"));
}

TEST_F(TrainResnet, BenchmarkPrintsATableOfTheModes) {
  const fs::path teacher_file = Teacher();
  const std::string table =
      Train({TRAIN_RESNET, "--model=ResNet18", "--image_size=32", "--batch_size=4", "--class_dim=10", "--device=cpu",
             "--benchmark=2", "--timed_teachers=2", "--teacher_ms=1", "--teacher_in_process=" + teacher_file.string()});
  EXPECT_THAT(table, HasSubstr("no distillation"));
  EXPECT_THAT(table, HasSubstr("teacher and student in one process"));
  EXPECT_THAT(table, HasSubstr("service-type distillation"));
}

}  // namespace
}  // namespace resnet
