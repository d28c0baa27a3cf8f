// SPDX-License-Identifier: Apache-2.0
// Rows, their order, which of them are shown, and in which columns.
#include "src/top/fleet_table.h"

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kName = 0, kModel = 2, kRate = 4;

ServiceSnapshot Service() {
  ServiceSnapshot service;
  auto add = [&](const char* endpoint, const char* model, std::optional<double> rate) {
    TeacherEntry& teacher = service.teachers.emplace_back();
    teacher.endpoint = endpoint;
    teacher.model = model;
    teacher.rows_per_s = rate;
  };
  add("c:1", "resnet", 20);
  add("a:1", "bert", 100);
  add("d:1", "", std::nullopt);
  add("b:1", "resnet", 3);
  return service;
}

std::vector<std::string> Names(const Table& table) {
  std::vector<std::string> names;
  for (const Row& row : table.rows) names.push_back(row.name);
  return names;
}

TEST(FleetTable, SortsNumbersAsNumbersAndNothingLastEitherWay) {
  Table table = TeacherTable(Service());
  table.Sort(kName, false);
  EXPECT_THAT(Names(table), ElementsAre("a:1", "b:1", "c:1", "d:1"));
  table.Sort(kRate, true);
  EXPECT_THAT(Names(table), ElementsAre("a:1", "c:1", "b:1", "d:1"));
  table.Sort(kRate, false);
  EXPECT_THAT(Names(table), ElementsAre("b:1", "c:1", "a:1", "d:1"));
  table.Sort(kModel, true);
  EXPECT_THAT(Names(table), ElementsAre("b:1", "c:1", "a:1", "d:1"));
}

TEST(FleetTable, FiltersByAnyTextWhateverTheCase) {
  Table table = TeacherTable(Service());
  table.Filter("RESN");
  EXPECT_THAT(Names(table), ElementsAre("c:1", "b:1"));
  table.Filter("b:");
  EXPECT_THAT(Names(table), ElementsAre("b:1"));
  table.Filter("");
  EXPECT_THAT(Names(table), ElementsAre("b:1"));
}

TEST(FleetTable, LeavesOutTheLeastImportantColumnsWhereThereIsNoRoom) {
  const Table table = TeacherTable(Service());
  EXPECT_THAT(table.Titles(table.Widths(80)), HasSubstr("P50ms"));
  for (int width = 1; width <= 200; ++width) EXPECT_LE(DisplayWidth(table.Titles(table.Widths(width))), width);
  const std::string narrow = table.Titles(table.Widths(40));
  EXPECT_THAT(narrow, HasSubstr("ROWS/S"));
  EXPECT_THAT(narrow, Not(HasSubstr("P50ms")));
}

TEST(FleetTable, HasAllColumnsOfTeachersAndStudentsIn80) {
  ServiceSnapshot service = Service();
  service.teachers[0].endpoint = "192.168.100.100:9898";
  service.teachers[0].model = "a_model_with_a_long_name";
  service.teachers[0].device = "cuda:0";
  service.students.emplace_back().name = "trainer-3:4711:0123456789abcdef0123456789abcdef/8";
  const Table teachers = TeacherTable(service);
  EXPECT_THAT(teachers.Widths(80), Not(::testing::Contains(0)));
  const Table students = StudentTable(service);
  EXPECT_THAT(students.Widths(80), Not(::testing::Contains(0)));
}

TEST(FleetTable, ShowsForeignTextHarmlessly) {
  ServiceSnapshot service;
  service.teachers.emplace_back().endpoint = "a\x1b[2J:1";
  service.teachers[0].model = "m\r\n";
  const Table table = TeacherTable(service);
  const std::string line = table.Line(table.rows[0].cells, table.Widths(80));
  EXPECT_THAT(line, HasSubstr("a?[2J:1"));
  for (unsigned char c : line) EXPECT_GE(c, ' ');
}

}  // namespace
}  // namespace edl
