// SPDX-License-Identifier: Apache-2.0
// Which teachers a student keeps when the registry loses some.
#include "src/registry/teacher_share.h"

#include "gmock/gmock.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr milliseconds kAtOnce{6000};
constexpr milliseconds kGrace{60'000};

// One student, its share, and time that the test moves.
class Share {
 public:
  void List(std::initializer_list<const char*> endpoints, const char* state = "serving") {
    for (const char* endpoint : endpoints) Put(MemberNews::Kind::kTeacher, endpoint, true, state);
  }
  void Leave(std::initializer_list<const char*> endpoints) {
    for (const char* endpoint : endpoints) Put(MemberNews::Kind::kTeacher, endpoint, false, "left");
  }
  void Lose(std::initializer_list<const char*> endpoints) {
    for (const char* endpoint : endpoints) Put(MemberNews::Kind::kTeacher, endpoint, false, "");
  }
  void ListStudent(const char* name) { Put(MemberNews::Kind::kStudent, name, true, ""); }
  void LoseStudent(const char* name) { Put(MemberNews::Kind::kStudent, name, false, ""); }
  void Pass(milliseconds time) { now_ += time; }
  void SettleFor(milliseconds time) { settled_ = now_ + time; }

  const std::vector<std::string>& Teachers() {
    if (auto set = share_.Update(view_, now_, settled_)) {
      told_ = set->endpoints;
      ++times_;
    }
    return told_;
  }
  int times_told() const { return times_; }
  std::optional<milliseconds> next_look() const {
    if (!share_.next_look()) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(*share_.next_look() - now_);
  }

 private:
  void Put(MemberNews::Kind kind, const char* name, bool listed, const char* state) {
    RegistryNews news;
    news.members.push_back({kind, name, listed, state, ""});
    view_.Apply(news);
  }

  RegistryView view_;
  TeacherShare share_{"me/0", 0, kAtOnce, kGrace};
  TimePoint now_{std::chrono::hours(1)};
  TimePoint settled_ = now_;
  std::vector<std::string> told_;
  int times_ = 0;
};

TEST(TeacherShare, IsToldOnlyWhenItChanges) {
  Share share;
  EXPECT_THAT(share.Teachers(), IsEmpty());
  share.List({"a:1", "b:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1"));
  share.List({"a:1"});
  share.Teachers();
  EXPECT_EQ(share.times_told(), 1);
}

TEST(TeacherShare, IsDividedAmongTheStudents) {
  Share share;
  share.List({"a:1", "b:1", "c:1", "d:1"});
  share.ListStudent("other/0");
  EXPECT_EQ(share.Teachers().size(), 2u);
}

TEST(TeacherShare, ATeacherThatDrainsIsNoLongerSentTo) {
  Share share;
  share.List({"a:1", "b:1"});
  share.Teachers();
  share.List({"a:1"}, "draining");
  EXPECT_THAT(share.Teachers(), ElementsAre("b:1"));
  share.List({"b:1"}, "draining");
  EXPECT_THAT(share.Teachers(), IsEmpty()) << "all leave in order: nobody is to be used";
  share.Lose({"a:1", "b:1"});
  EXPECT_THAT(share.Teachers(), IsEmpty());
}

TEST(TeacherShare, ThoseThatTakeThemselvesOutAreNotMissed) {
  Share share;
  share.List({"a:1", "b:1", "c:1"});
  share.Teachers();
  share.Leave({"b:1", "c:1"});
  EXPECT_THAT(share.Teachers(), ElementsAre("a:1"));
  share.List({"b:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1"));
  share.Lose({"a:1", "b:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1")) << "to have left once says nothing of later";
}

TEST(TeacherShare, OneThatIsLostAmongManyIsLetGo) {
  Share share;
  share.List({"a:1", "b:1", "c:1"});
  share.Teachers();
  share.Lose({"c:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1"));
  EXPECT_EQ(share.next_look(), std::nullopt);
}

TEST(TeacherShare, MoreThanHalfLostAtOnceAreKeptForTheGrace) {
  Share share;
  share.List({"a:1", "b:1", "c:1"});
  share.Teachers();
  share.Lose({"b:1", "c:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1", "c:1"));
  EXPECT_EQ(share.Teachers().front(), "a:1") << "those that are listed come first";
  EXPECT_EQ(share.next_look(), kGrace);
  share.Pass(kGrace - milliseconds(1));
  EXPECT_EQ(share.Teachers().size(), 3u);
  share.Pass(milliseconds(1));
  EXPECT_THAT(share.Teachers(), ElementsAre("a:1"));
}

TEST(TeacherShare, LossesThatComeOneByOneWithinALeaseAreAtOnceToo) {
  Share share;
  share.List({"a:1", "b:1", "c:1", "d:1"});
  share.Teachers();
  share.Lose({"a:1"});
  share.Teachers();
  share.Pass(milliseconds(500));
  share.Lose({"b:1"});
  share.Teachers();
  share.Pass(milliseconds(500));
  share.Lose({"c:1"});
  EXPECT_THAT(share.Teachers(), ElementsAre("d:1", "c:1")) << "the others had been let go already";
}

TEST(TeacherShare, LossesFarApartAreBelieved) {
  Share share;
  share.List({"a:1", "b:1", "c:1", "d:1"});
  for (const char* lost : {"a:1", "b:1"}) {
    share.Teachers();
    share.Lose({lost});
    share.Teachers();
    share.Pass(kAtOnce);
  }
  share.Lose({"c:1"});
  EXPECT_THAT(share.Teachers(), ElementsAre("d:1"));
}

TEST(TeacherShare, AnEmptyRegistryIsNeverBelieved) {
  Share share;
  share.List({"a:1", "b:1"});
  share.Teachers();
  share.Lose({"a:1", "b:1"});
  share.Pass(100 * kGrace);
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1"));
  EXPECT_EQ(share.times_told(), 1);
  share.Pass(100 * kGrace);
  share.Teachers();
  share.List({"c:1"});
  EXPECT_THAT(share.Teachers(), ElementsAre("c:1")) << "the registry is alive and the grace long over";
}

TEST(TeacherShare, WhileEverybodyRegistersAnewNothingMoves) {
  Share share;
  share.List({"a:1", "b:1", "c:1", "d:1", "e:1"});
  share.Teachers();
  share.Lose({"a:1", "b:1", "c:1", "d:1", "e:1"});
  share.SettleFor(milliseconds(2000));
  share.Teachers();
  share.List({"x:1"});
  share.Teachers();
  EXPECT_EQ(share.times_told(), 1);
  EXPECT_EQ(share.next_look(), milliseconds(2000));
  share.List({"a:1", "b:1", "c:1", "d:1"});
  share.Teachers();
  EXPECT_EQ(share.times_told(), 1) << "one is still missing";
  share.List({"e:1"});
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1", "c:1", "d:1", "x:1", "e:1"))
      << "all are back: no need to wait any longer";
}

TEST(TeacherShare, OneThatDoesNotComeBackAfterAnOutageIsLetGoInTheEnd) {
  Share share;
  share.List({"a:1", "b:1", "c:1"});
  share.Teachers();
  share.SettleFor(milliseconds(2000));
  share.Lose({"c:1"});
  EXPECT_EQ(share.Teachers().size(), 3u);
  share.Pass(milliseconds(2000));
  EXPECT_THAT(share.Teachers(), UnorderedElementsAre("a:1", "b:1"));
}

TEST(TeacherShare, StudentsThatAreNotBackYetGetTheirTimeToo) {
  Share share;
  share.List({"a:1", "b:1", "c:1", "d:1"});
  for (const char* student : {"s1/0", "s2/0", "s3/0"}) share.ListStudent(student);
  const std::vector<std::string> before = share.Teachers();
  ASSERT_EQ(before.size(), 1u);
  share.SettleFor(milliseconds(2000));
  for (const char* student : {"s1/0", "s2/0"}) share.LoseStudent(student);
  EXPECT_EQ(share.Teachers(), before);
  share.Pass(milliseconds(2000));
  EXPECT_EQ(share.Teachers().size(), 2u) << "they are not coming back";
}

TEST(TeacherShare, NonsenseInTheRegistryIsLeftOut) {
  RegistryView view;
  RegistryNews news;
  news.complete = true;
  auto teacher = [&](const std::string& name, const char* state, const char* weight) {
    news.members.push_back({MemberNews::Kind::kTeacher, name, true, state, weight});
  };
  teacher("good:1", "serving", "3");
  teacher("python:1", "", "");
  teacher("no port", "serving", "1");
  teacher("a:1\n\x1b[31m", "serving", "1");
  teacher(std::string(100'000, 'x') + ":1", "serving", "1");
  teacher(std::string("nul\0l:1", 7), "serving", "1");
  teacher("heavy:1", "serving", "99999999999999999999");
  teacher("over:1", "serving", "1001");
  teacher("none:1", "serving", "0");
  teacher("minus:1", "serving", "-1");
  teacher("word:1", "serving", "heavy");
  teacher("state:1", "\x01\x02", "1");
  for (const char* name : {"me/4", "", "/", "x/", "x", "/3", "x/-1", "a b/1", "x/99999999999"}) {
    news.members.push_back({MemberNews::Kind::kStudent, name, true, "", ""});
  }
  view.Apply(news);
  ASSERT_EQ(view.teachers().size(), 2u);
  EXPECT_EQ(view.teachers().at("good:1").weight, 3);
  EXPECT_EQ(view.teachers().at("python:1").weight, 1);
  EXPECT_THAT(view.students(), ElementsAre(std::pair<const std::string, int>("me/4", 4)));
}

}  // namespace
}  // namespace edl
