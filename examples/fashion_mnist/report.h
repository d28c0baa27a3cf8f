// SPDX-License-Identifier: Apache-2.0
// Report: what the demo found, as a table, as JSON and as a chart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fashion_mnist {

struct ModeReport {
  std::string key;      // "none", "in_process", "service"
  std::string name;     // for people
  std::string teacher;  // resources
  std::string student;
  std::vector<std::vector<double>> accuracy;  // per cent: [seed][epoch]
  std::vector<double> images_per_second;      // [seed]

  double FinalAccuracy() const;  // mean over seeds, after the last epoch
  double Speed() const;          // mean over seeds
  std::vector<double> AccuracyByEpoch() const;
};

// What one teacher of the service mode did for one seed.
struct TeacherReport {
  std::uint64_t seed = 0;
  std::string endpoint;
  std::int64_t requests = 0;
  std::int64_t rows = 0;
  std::int64_t failed = 0;
  std::int64_t ejections = 0;
};

struct Report {
  std::vector<ModeReport> modes;  // the first is the one that speeds are held against
  std::vector<std::uint64_t> seeds;
  std::int64_t batch_rows = 0;
  double teacher_accuracy = 0;
  std::int64_t rows_distilled = 0;
  std::int64_t rows_lost = 0;
  std::int64_t rows_doubled = 0;
  std::int64_t requests_retried = 0;
  std::vector<TeacherReport> teachers;
  std::string teacher_recipe;
  std::string student_recipe;

  std::string Table() const;
  std::string Json() const;
  // An SVG by gnuplot; false when there is none to be run.
  bool DrawChart(const std::filesystem::path& file) const;
};

}  // namespace fashion_mnist
