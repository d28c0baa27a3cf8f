// SPDX-License-Identifier: Apache-2.0
// What members say of themselves, as edl-top takes it in and shows it.
#include <algorithm>
#include <clocale>

#include "src/top/fleet_table.h"
#include "src/top/report.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const bool wide = std::setlocale(LC_ALL, "C.UTF-8") != nullptr;
  static_cast<void>(wide);
  const std::string text = FuzzInput(data, size).Rest();
  ServiceSnapshot service;
  service.name = "s";
  TeacherEntry& teacher = service.teachers.emplace_back();
  teacher.endpoint = text.substr(0, 20);
  ApplyFact(text, teacher);
  ApplyNumbers(text, teacher);
  StudentEntry& student = service.students.emplace_back();
  student.name = text.substr(0, 20);
  ApplyName(student);
  ApplyNumbers(text, student);

  WholeFleet fleet;
  fleet.services = {service};
  const std::string report = PlainReport(fleet, 80);
  Require(
      std::none_of(report.begin(), report.end(), [](unsigned char c) { return (c < ' ' && c != '\n') || c == 127; }),
      "no control character is shown");
  const std::string json = JsonReport(fleet);
  Require(std::all_of(json.begin(), json.end(), [](unsigned char c) { return c == '\n' || (c >= ' ' && c < 127); }),
          "the JSON is printable ASCII");
  for (int width : {1, 20, 80, 300}) {
    for (const Table& table : {TeacherTable(service), StudentTable(service)}) {
      const std::string line = table.Line(table.rows[0].cells, table.Widths(width));
      Require(DisplayWidth(line) <= width, "a line is no longer than it may be");
      Require(line == Printable(line), "a line is printable");
    }
  }
  return 0;
}
