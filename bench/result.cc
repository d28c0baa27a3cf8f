// SPDX-License-Identifier: Apache-2.0
#include "bench/result.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace edl::bench {

Spread Spread::Of(std::vector<double> rounds) {
  std::sort(rounds.begin(), rounds.end());
  return {rounds[rounds.size() / 2], rounds.front(), rounds.back()};
}

void Print(const std::vector<Result>& results) {
  std::printf("\n%-36s %9s  %-19s %s\n", "", "median", "least to most", "unit");
  for (const Result& result : results) {
    std::printf("%-36s %9.3g  %8.3g to %-8.3g %s\n", result.name.c_str(), result.value.median, result.value.least,
                result.value.most, result.unit.c_str());
    if (!result.note.empty()) std::printf("    (%s)\n", result.note.c_str());
  }
  std::fflush(stdout);
}

void WriteJson(const std::vector<Result>& results, const std::string& command, const std::string& file) {
  if (file.empty()) return;
  auto json = nlohmann::ordered_json::object();
  for (const Result& result : results) {
    json[result.name] = {{"value", result.value.median},
                         {"least", result.value.least},
                         {"most", result.value.most},
                         {"unit", result.unit},
                         {"rivals", result.rivals},
                         {"note", result.note},
                         {"command", command}};
  }
  std::ofstream out(file);
  out << json.dump(2) << "\n";
  out.close();
  if (out) return;
  std::fprintf(stderr, "cannot write %s\n", file.c_str());
  std::exit(1);
}

}  // namespace edl::bench
