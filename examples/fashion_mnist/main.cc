// SPDX-License-Identifier: Apache-2.0
// The demo: trains one student in three modes - without a teacher, with one in its own process, and with teachers on
// the network - on the same schedule, seed and views, and puts them side by side.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "examples/fashion_mnist/modes.h"
#include "examples/fashion_mnist/report.h"
#include "examples/fashion_mnist/teacher_script.h"

namespace fashion_mnist {
namespace {

namespace fs = std::filesystem;

struct Flags {
  std::string data = kDefaultDirectory;
  std::string cache = EDL_DEMO_CACHE;
  std::string teacher_program = EDL_DEMO_TEACHER;
  std::size_t teachers = 2;
  std::vector<std::uint64_t> seeds = {1};
  std::string json;
  std::string chart = EDL_DEMO_CACHE "/fashion_mnist.svg";
  bool retrain = false;
  StudentRecipe student;
  TeacherRecipe teacher;
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--json", flags.json, "also write the results to this file");
  app.add_option("--chart", flags.chart, "where the chart of accuracy over epochs goes (SVG)")->capture_default_str();
  app.add_option("--seeds", flags.seeds, "run all modes for each of these seeds, and give means")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--teachers", flags.teachers, "edl-teacher processes in service mode; one more joins on the way")
      ->check(CLI::Range(2, 64))
      ->capture_default_str();
  app.add_option("--epochs", flags.student.schedule.epochs, "the student's")
      ->check(CLI::Range(3, 10'000))
      ->capture_default_str();
  app.add_option("--subset", flags.student.subset, "training images of the student, a multiple of 10")
      ->check(CLI::Range(1'000, 60'000))
      ->capture_default_str();
  app.add_option("--teacher-epochs", flags.teacher.schedule.epochs, "the teacher's")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--teacher-subset", flags.teacher.subset, "training images of the teacher, a multiple of 10")
      ->check(CLI::Range(1'000, 60'000))
      ->capture_default_str();
  app.add_option("--alpha", flags.student.alpha, "weight of the soft labels")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--temperature", flags.student.temperature, "of the soft labels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--data", flags.data, "directory of the data set's four files")->capture_default_str();
  app.add_option("--cache", flags.cache, "where the trained teacher is kept")->capture_default_str();
  app.add_option("--teacher-program", flags.teacher_program, "the edl-teacher to start")->capture_default_str();
  app.add_flag("--retrain", flags.retrain, "train the teacher though there is one in the cache");
}

std::string ReadFile(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void WriteFile(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw std::runtime_error(absl::StrCat("cannot write ", file.string()));
}

// The cached teacher's file, after training it if need be.
fs::path PrepareTeacher(const Flags& flags, const Dataset& training) {
  const fs::path file = fs::path(flags.cache) / "teacher.pt";
  const fs::path recipe = fs::path(flags.cache) / "teacher.recipe";
  if (!flags.retrain && fs::exists(file) && ReadFile(recipe) == flags.teacher.ToString()) {
    std::printf("The teacher is in the cache: %s\n", file.c_str());
    return file;
  }
  std::printf("Training the teacher (once; it is kept in %s)\n", flags.cache.c_str());
  fs::create_directories(flags.cache);
  fs::remove(recipe);
  const Schedule& schedule = flags.teacher.schedule;
  const Dataset subset = DrawBalancedSubset(training, flags.teacher.subset, flags.teacher.seed);
  edl_examples::Progress progress("the teacher", schedule.epochs * BatchesPerEpoch(subset, schedule), "batch");
  Teacher teacher = TrainTeacher(flags.teacher, subset, progress);
  MakeTeacherScript(teacher).save(file.string());
  WriteFile(file.string() + ".json", R"({
  "name": "fashion_mnist_teacher",
  "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 28, 28]}],
  "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, 10]}]
}
)");
  WriteFile(recipe, flags.teacher.ToString());  // last: without it the rest is not taken for whole
  return file;
}

// Runs all modes for one seed and adds what they give to the report.
void RunSeed(const Flags& flags, std::uint64_t seed, const Dataset& training, const Dataset& test,
             const fs::path& teacher_file, Report& report) {
  const StudentRecipe& recipe = flags.student;
  const Dataset subset = DrawBalancedSubset(training, recipe.subset, seed);
  const auto loader = MakeLoader(subset, recipe.schedule, recipe.augmentation, seed);
  auto run = [&](ModeReport& mode, edl_examples::Progress& progress, const EpochStreams& streams) {
    const StudentResult result = TrainStudent(recipe, seed, streams, test, progress);
    mode.accuracy.push_back(result.accuracy);
    mode.images_per_second.push_back(result.images_per_second);
  };
  auto bar = [&](const ModeReport& mode) {
    return std::make_unique<edl_examples::Progress>(absl::StrCat("seed ", seed, ", ", mode.name),
                                                    recipe.schedule.epochs, "epoch");
  };
  run(report.modes[0], *bar(report.modes[0]), PlainStreams(loader));
  run(report.modes[1], *bar(report.modes[1]), InProcessStreams(loader, torch::jit::load(teacher_file.string())));
  TeacherFleet fleet(flags.teacher_program, teacher_file, flags.teachers, flags.teachers + 1);
  std::unique_ptr<edl_examples::Progress> progress = bar(report.modes[2]);
  ServiceRun service(loader, recipe, subset.size(), fleet, flags.teachers, *progress);
  run(report.modes[2], *progress, service.Streams());
  const edl::ReaderStats stats = service.stats();  // before the audit, which takes a while
  const RowAudit::Result rows = service.audit().Compare();
  report.rows_lost += rows.lost;
  report.rows_doubled += rows.doubled;
  report.rows_distilled += stats.rows;
  report.requests_retried += stats.retried;
  for (const edl::LaneStats& lane : stats.lanes) {
    report.teachers.push_back({seed, lane.endpoint, lane.completed, lane.rows, lane.failed, lane.ejections});
  }
  progress.reset();
  std::printf("\n%s\n", stats.ToString().c_str());
}

Report NewReport(const Flags& flags) {
  const std::string cores = absl::StrCat(std::thread::hardware_concurrency(), " cores");
  Report report;
  report.modes = {{"none", "no distillation", "none", cores, {}, {}},
                  {"in_process", "teacher and student in one process", "in turn, the same " + cores, cores, {}, {}},
                  {"service",
                   "service-type distillation",
                   absl::StrCat(flags.teachers, " to ", flags.teachers + 1, " processes, the same ", cores),
                   cores,
                   {},
                   {}}};
  report.seeds = flags.seeds;
  report.batch_rows = flags.student.schedule.batch_rows;
  report.teacher_recipe = flags.teacher.ToString();
  report.student_recipe = flags.student.ToString();
  return report;
}

int Run(const Flags& flags) {
  const Dataset training = Load(flags.data, Part::kTrain);
  const Dataset test = Load(flags.data, Part::kTest);
  const fs::path teacher_file = PrepareTeacher(flags, training);
  Report report = NewReport(flags);
  torch::jit::Module teacher = torch::jit::load(teacher_file.string());
  report.teacher_accuracy =
      Accuracy(test, [&](const torch::Tensor& images) { return teacher.forward({images}).toTensor(); });
  std::printf("The teacher is right on %.2f %% of the test images.\nThe student: %s\n\n", report.teacher_accuracy,
              report.student_recipe.c_str());
  for (std::uint64_t seed : flags.seeds) RunSeed(flags, seed, training, test, teacher_file, report);

  std::printf("%s\n", report.Table().c_str());
  std::printf("Distilled is better than plain by %.2f points (in one process) and %.2f (as a service).\n",
              report.modes[1].FinalAccuracy() - report.modes[0].FinalAccuracy(),
              report.modes[2].FinalAccuracy() - report.modes[0].FinalAccuracy());
  std::printf(
      "A teacher was killed in mid-epoch and started again, and one more joined: %lld of %lld rows lost, %lld doubled, "
      "%lld requests sent again.\n",
      static_cast<long long>(report.rows_lost), static_cast<long long>(report.rows_distilled),
      static_cast<long long>(report.rows_doubled), static_cast<long long>(report.requests_retried));
  std::printf("Speeds: teachers and student share this machine's cores here, so each image costs both.\n");
  if (!flags.json.empty()) WriteFile(flags.json, report.Json());
  const bool drawn = report.DrawChart(flags.chart);
  std::printf("Chart: %s\n", drawn ? flags.chart.c_str() : "none, since gnuplot did not draw it");
  return report.rows_lost == 0 && report.rows_doubled == 0 ? 0 : 1;
}

// OpenMP threads that spin while they wait starve whoever shares the cores: here, teachers and student. The variable is
// read when libgomp is loaded, which is before main: so the program is started over, once.
void LetOpenMpThreadsSleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace
}  // namespace fashion_mnist

int main(int argc, char** argv) {
  fashion_mnist::LetOpenMpThreadsSleep(argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file shows progress, too
  fashion_mnist::Flags flags;
  CLI::App app("Distils Fashion-MNIST in three modes and puts them side by side.");
  fashion_mnist::AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    return fashion_mnist::Run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\nfashion_mnist: %s\n", error.what());
    return 1;
  }
}
