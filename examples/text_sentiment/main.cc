// SPDX-License-Identifier: Apache-2.0
// Tells languages apart by snippets of some 25 bytes: a bag of n-grams with few labels learns alone, and then from
// teachers that label the rest of its text for it.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "examples/text_sentiment/distillation.h"
#include "examples/text_sentiment/teacher.h"

namespace text_sentiment {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTestSnippets = 500;  // of each language, at most
constexpr std::uint64_t kTestSeed = 0;       // the same ones for all students

constexpr char kWhat[] =
    "Which language is this? A student with a few labelled snippets of manual pages learns it without teachers, then\n"
    "with teachers that label all its other snippets. Both times it begins with the same weights and sees the same\n"
    "batches.\n\n"
    "  text_sentiment                       some minutes; trains the teacher, and keeps it for the next time\n"
    "  text_sentiment --seeds 1,2,3         three students\n"
    "  text_sentiment --labelled 500        with more labels of its own, the student needs teachers less\n"
    "  text_sentiment --languages da,nb,sv  three that are hard to tell apart\n";

struct Flags {
  std::vector<std::string> languages = kLanguages;
  std::vector<std::uint64_t> seeds = {1};
  std::size_t teachers = 2;
  std::string cache = EDL_TEXT_CACHE;
  bool retrain = false;
  StudentRecipe student;
  TeacherRecipe teacher;

  std::int64_t classes() const { return static_cast<std::int64_t>(languages.size()); }
};

void AddFlags(CLI::App& app, Flags& flags) {
  auto add_number = [&](const char* name, std::int64_t& number, int least, const char* what) {
    app.add_option(name, number, what)->check(CLI::Range(least, 1'000'000))->capture_default_str();
  };
  app.add_option("--languages", flags.languages, "XX of Debian's packages manpages-XX, two or more")
      ->delimiter(',')
      ->expected(2, 100)
      ->capture_default_str();
  app.add_option("--seeds", flags.seeds, "a student each: its first weights, its snippets and their order")
      ->delimiter(',')
      ->capture_default_str();
  add_number("--labelled", flags.student.labelled, 1, "snippets of each language that the student has labels of");
  add_number("--unlabelled", flags.student.unlabelled, 0, "snippets of each language beside them, at most");
  add_number("--epochs", flags.student.schedule.epochs, 1, "the student's");
  app.add_option("--teachers", flags.teachers, "edl-teacher processes; of several, one is killed halfway")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  add_number("--teacher-snippets", flags.teacher.snippets, 1,
             "of each language, at most, that the teacher learns from");
  add_number("--teacher-epochs", flags.teacher.schedule.epochs, 1, "the teacher's");
  app.add_option("--cache", flags.cache, "where the trained teacher is kept")->capture_default_str();
  app.add_flag("--retrain", flags.retrain, "train the teacher though there is one in the cache");
}

Snippets Share(std::vector<Snippet> snippets) {
  return std::make_shared<const std::vector<Snippet>>(std::move(snippets));
}

// The cached teacher's file, after training it if need be.
fs::path PrepareTeacher(const Flags& flags, const Corpus& corpus) {
  const fs::path file = fs::path(flags.cache) / "teacher.pt";
  const fs::path recipe_file = fs::path(flags.cache) / "teacher.recipe";
  const Snippets snippets = Share(Draw(corpus.teacher, flags.teacher.snippets, flags.teacher.seed));
  const Schedule& schedule = flags.teacher.schedule;
  const std::string recipe =
      absl::StrCat(absl::StrJoin(flags.languages, " "), ": ", snippets->size(), " snippets, ", schedule.epochs,
                   " epochs of batches of ", schedule.batch_rows, ", peak rate ", schedule.peak_rate, ", seed ",
                   flags.teacher.seed, ", ", kTeacherEmbedding, " to ", kTeacherChannels, " channels\n");
  std::ostringstream cached;
  cached << std::ifstream(recipe_file).rdbuf();
  if (!flags.retrain && fs::exists(file) && cached.str() == recipe) {
    std::printf("The teacher is in the cache: %s\n", file.c_str());
    return file;
  }
  std::printf("Training the teacher (once; it is kept in %s)\n", flags.cache.c_str());
  fs::create_directories(flags.cache);
  fs::remove(recipe_file);
  SaveTeacher(TrainTeacher(flags.teacher, flags.classes(), snippets), flags.classes(), file);
  std::ofstream out(recipe_file);  // last: without it the rest is not taken for whole
  out << recipe;
  if (!out.flush()) throw std::runtime_error(absl::StrCat("cannot write ", recipe_file.string()));
  return file;
}

struct SeedResult {
  StudentResult alone;
  StudentResult distilled;
  RowCount rows;
};

SeedResult RunSeed(const Flags& flags, std::uint64_t seed, const Corpus& corpus, const std::vector<Snippet>& test,
                   const fs::path& teacher_file) {
  const StudentRecipe& recipe = flags.student;
  std::vector<Snippet> own = Draw(corpus.student, recipe.labelled + recipe.unlabelled, seed);
  HideLabels(own, recipe.labelled);
  const Snippets snippets = Share(std::move(own));
  auto train = [&](edl_examples::Progress& progress, const EpochStreams& streams) {
    const std::int64_t steps = recipe.schedule.epochs * BatchCount(*snippets, recipe.schedule.batch_rows);
    return TrainStudent(recipe, seed, flags.classes(), steps, streams, test, progress);
  };
  SeedResult result;
  {
    edl_examples::Progress progress(absl::StrCat("seed ", seed, ", without teachers"), recipe.schedule.epochs, "epoch");
    result.alone = train(progress, PlainStreams(MakeBatches(snippets, recipe.schedule.batch_rows, seed)));
  }
  edl_examples::Progress progress(absl::StrCat("seed ", seed, ", with teachers"), recipe.schedule.epochs, "epoch");
  Distillation distillation(EDL_TEXT_TEACHER, teacher_file, flags.teachers, snippets, recipe, seed, progress);
  result.distilled = train(progress, [&](std::int64_t epoch) { return distillation.Epoch(epoch); });
  result.rows = distillation.rows();
  progress.Say(absl::StrReplaceAll(distillation.stats().ToString(), {{"\n", "\n  "}}));
  return result;
}

int Run(const Flags& flags) {
  if (std::set<std::string>(flags.languages.begin(), flags.languages.end()).size() != flags.languages.size()) {
    throw std::runtime_error("--languages: one is named twice; expected each once");
  }
  const Corpus corpus = ReadCorpus("/", flags.languages);
  std::printf("%zu languages; snippets of the teacher's pages: %zu, of the student's: %zu, of those for testing: %zu\n",
              flags.languages.size(), corpus.teacher.size(), corpus.student.size(), corpus.test.size());
  const std::vector<Snippet> test = Draw(corpus.test, kTestSnippets, kTestSeed);
  const fs::path teacher_file = PrepareTeacher(flags, corpus);
  torch::jit::Module teacher = torch::jit::load(teacher_file.string());
  const std::string teacher_accuracy = absl::StrFormat("%.2f", TeacherAccuracy(teacher, test));
  std::printf("The teacher is right on %s %% of %zu snippets.\n\n", teacher_accuracy.c_str(), test.size());

  constexpr char kRow[] = "| %4s | %7s | %5s | %9s | %6s | %10s | %14s | %4s | %7s |\n";
  std::string table = absl::StrFormat(kRow, "seed", "teacher", "alone", "distilled", "gain", "alone, 1/s",
                                      "distilled, 1/s", "lost", "doubled");
  absl::StrAppendFormat(&table, kRow, "---", "---", "---", "---", "---", "---", "---", "---", "---");
  bool kept_promise = true;
  for (const std::uint64_t seed : flags.seeds) {
    const SeedResult result = RunSeed(flags, seed, corpus, test, teacher_file);
    const StudentResult& alone = result.alone;
    const StudentResult& distilled = result.distilled;
    absl::StrAppendFormat(&table, "| %4d | %7s | %5.2f | %9.2f | %+6.2f | %10.0f | %14.0f | %4d | %7d |\n", seed,
                          teacher_accuracy, alone.accuracy, distilled.accuracy, distilled.accuracy - alone.accuracy,
                          alone.snippets_per_second, distilled.snippets_per_second, result.rows.lost,
                          result.rows.doubled);
    kept_promise = kept_promise && result.rows.lost == 0 && result.rows.doubled == 0;
  }
  std::printf(
      "\n%s\nPer cent of the test snippets; snippets trained on in a second, teachers and student sharing this "
      "machine's cores;\nrows that came out of the reader too seldom or too often.\n",
      table.c_str());
  return kept_promise ? 0 : 1;
}

}  // namespace
}  // namespace text_sentiment

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file shows progress, too
  text_sentiment::Flags flags;
  CLI::App app(text_sentiment::kWhat);
  text_sentiment::AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    return text_sentiment::Run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\ntext_sentiment: %s\n", error.what());
    return 1;
  }
}
