// SPDX-License-Identifier: Apache-2.0
// Result: one number of a bench, with its spread, what it is held against and where it may not be believed; a table and
// a file of them.
// Place: every bench makes them; tools/bench joins their files.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace edl::bench {

// Of rounds that were run interleaved with those of the rivals.
struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;

  static Spread Of(std::vector<double> rounds);  // not empty
};

struct Result {
  std::string name;  // "wire_uint8_vs_raw_socket"
  Spread value;
  std::string unit;                      // "ratio", "s/GB", …
  std::map<std::string, double> rivals;  // medians, in a unit that their names say
  std::string note;                      // what it does not say
};

// One line a result.
void Print(const std::vector<Result>& results);

// {name: {value, least, most, unit, rivals, note, command}}. Exits when the file cannot be written; "" writes none.
void WriteJson(const std::vector<Result>& results, const std::string& command, const std::string& file);

}  // namespace edl::bench
