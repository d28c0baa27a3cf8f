// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/report.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace fashion_mnist {
namespace {

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::vector<double> ModeReport::AccuracyByEpoch() const {
  std::vector<double> means;
  for (std::size_t e = 0; e < accuracy.front().size(); ++e) {
    std::vector<double> seeds;
    for (const std::vector<double>& run : accuracy) seeds.push_back(run[e]);
    means.push_back(Mean(seeds));
  }
  return means;
}

double ModeReport::FinalAccuracy() const {
  return AccuracyByEpoch().back();
}

double ModeReport::Speed() const {
  return Mean(images_per_second);
}

std::string Report::Table() const {
  constexpr char kRow[] = "| %-34s | %-34s | %-8s | %5s | %5s | %6s | %5s |\n";
  std::string table = absl::StrFormat(kRow, "mode", "teacher", "student", "batch", "acc1", "img/s", "speed");
  absl::StrAppend(&table, absl::StrFormat(kRow, "---", "---", "---", "---", "---", "---", "---"));
  for (const ModeReport& mode : modes) {
    absl::StrAppendFormat(&table, kRow, mode.name, mode.teacher, mode.student, absl::StrCat(batch_rows),
                          absl::StrFormat("%.2f", mode.FinalAccuracy()), absl::StrFormat("%.0f", mode.Speed()),
                          absl::StrFormat("%.0f %%", 100 * mode.Speed() / modes.front().Speed()));
  }
  return table;
}

std::string Report::Json() const {
  nlohmann::ordered_json json;
  for (const ModeReport& mode : modes) {
    json["modes"][mode.key] = {{"acc1", mode.FinalAccuracy()},
                               {"images_per_second", mode.Speed()},
                               {"percent_of_none", 100 * mode.Speed() / modes.front().Speed()},
                               {"acc1_by_seed", nlohmann::json::array()},
                               {"images_per_second_by_seed", mode.images_per_second},
                               {"acc1_by_epoch", mode.AccuracyByEpoch()}};
    for (const auto& run : mode.accuracy) json["modes"][mode.key]["acc1_by_seed"].push_back(run.back());
  }
  json["rows_lost"] = rows_lost;
  json["rows_doubled"] = rows_doubled;
  json["rows_distilled"] = rows_distilled;
  json["requests_retried"] = requests_retried;
  json["teachers"] = nlohmann::json::array();
  for (const TeacherReport& t : teachers) {
    json["teachers"].push_back({{"seed", t.seed},
                                {"endpoint", t.endpoint},
                                {"requests", t.requests},
                                {"rows", t.rows},
                                {"failed", t.failed},
                                {"ejections", t.ejections}});
  }
  json["seeds"] = seeds;
  json["teacher_acc1"] = teacher_accuracy;
  json["teacher_recipe"] = teacher_recipe;
  json["student_recipe"] = student_recipe;
  return json.dump(2) + "\n";
}

bool Report::DrawChart(const std::filesystem::path& file) const {
  // The shell reads what no gnuplot does: else SIGPIPE would end this program.
  constexpr char kCommand[] = "gnuplot || { while read -r line; do :; done; exit 1; }";
  std::unique_ptr<FILE, int (*)(FILE*)> gnuplot(popen(kCommand, "w"), pclose);
  if (gnuplot == nullptr) return false;
  std::string script =
      absl::StrCat("set terminal svg size 800,480 font 'sans-serif,14' background 'white'\nset output '", file.string(),
                   "'\nset title 'Fashion-MNIST: a student with and without a teacher'\nset xlabel 'epoch'\n",
                   "set ylabel 'accuracy on the test images (%)'\nset key bottom right\nset grid\n");
  // The first epochs would squeeze all differences into one line.
  const std::vector<double> baseline = modes.front().AccuracyByEpoch();
  absl::StrAppend(&script, "set yrange [", baseline.back() - 8, ":", baseline.back() + 4, "]\nplot ");
  // Each thinner than the one before: where curves coincide, all of them are seen.
  int width = 8;
  for (const ModeReport& mode : modes) {
    absl::StrAppend(&script, "'-' with lines linewidth ", width, " title '", mode.name, "', ");
    width = std::max(1, width - 3);
  }
  absl::StrAppend(&script, teacher_accuracy, " with lines dashtype 2 linecolor 'gray' title 'the teacher'\n");
  for (const ModeReport& mode : modes) {
    int epoch = 0;
    for (double accuracy : mode.AccuracyByEpoch()) absl::StrAppend(&script, ++epoch, " ", accuracy, "\n");
    absl::StrAppend(&script, "e\n");
  }
  std::fputs(script.c_str(), gnuplot.get());
  return pclose(gnuplot.release()) == 0 && std::filesystem::exists(file);
}

}  // namespace fashion_mnist
