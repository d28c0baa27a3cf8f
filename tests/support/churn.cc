// SPDX-License-Identifier: Apache-2.0
#include "tests/support/churn.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/testing/free_port.h"
#include "tests/support/real_teacher.h"

namespace edl::test {
namespace {

using std::chrono::milliseconds;

constexpr int kTeachers = 4;  // at a time, at most
constexpr int kPorts = 12;    // that they come and go on: a teacher is back sometimes, and new sometimes

std::vector<std::string> DrawPorts() {
  std::vector<std::string> ports;
  while (ports.size() < kPorts) {
    std::string port = std::to_string(testing::FreePort());
    if (std::find(ports.begin(), ports.end(), port) == ports.end()) ports.push_back(std::move(port));
  }
  return ports;
}

// Pauses the calling thread for some milliseconds, once in some 200 calls.
std::function<void()> PausesNowAndThen(std::uint64_t seed) {
  return [random = std::minstd_rand(static_cast<std::uint32_t>(seed))]() mutable {
    if (random() % 200 == 0) std::this_thread::sleep_for(milliseconds(random() % 30));
  };
}

}  // namespace

struct Churn::Teacher {
  enum class State { kAway, kServing, kStalled, kUnlisted };
  State state = State::kAway;
  std::string port;
  TeacherPtr process;
};

std::string FaultCounts::ToString() const {
  return absl::StrCat("kills ", kills, ", joins ", joins, ", drains ", drains, ", stalls ", stalls, ", unlistings ",
                      unlistings);
}

Churn::Churn(const ChurnOptions& options) : calm_(options.calm), ports_(DrawPorts()), random_(options.seed) {
  RowPlan plan = options.plan;
  plan.before = PausesNowAndThen(options.seed + 1);
  StudentHabits habits;
  habits.before = PausesNowAndThen(options.seed + 2);
  student_ = std::make_unique<Student>([this] { return told_.Watcher(); }, options.reader, plan, habits);
  for (int t = 0; t < kTeachers; ++t) teachers_.push_back(std::make_unique<Teacher>());
  fate_ = Thread("test-fate", [this] { Run(); });
}

Churn::~Churn() {
  stopping_ = true;
  stop_.Set();
  fate_.Join();
  student_.reset();
}

FaultCounts Churn::faults() const {
  MutexLock lock(mu_);
  return faults_;
}

void Churn::Count(int FaultCounts::*kind) {
  MutexLock lock(mu_);
  ++(faults_.*kind);
}

void Churn::Run() {
  for (auto& teacher : teachers_) Join(*teacher);
  while (!stopping_) {
    stop_.WaitFor(calm_ * (random_() % 2000) / 1000);
    if (stopping_) break;
    if (Draw(40)) {  // a power cut
      for (auto& teacher : teachers_) {
        if (teacher->state != Teacher::State::kAway) Afflict(*teacher);
      }
    }
    Afflict(*teachers_[random_() % teachers_.size()]);
  }
}

void Churn::Tell() {
  std::vector<std::string> endpoints;
  for (const auto& teacher : teachers_) {
    if (teacher->state == Teacher::State::kServing || teacher->state == Teacher::State::kStalled) {
      endpoints.push_back(teacher->process->endpoint());
    }
  }
  std::shuffle(endpoints.begin(), endpoints.end(), random_);
  told_.Tell(std::move(endpoints));
}

void Churn::Join(Teacher& teacher) {
  teacher.process.reset();
  if (teacher.port.empty() || Draw(2)) {
    auto holders = [&] {
      return std::count_if(teachers_.begin(), teachers_.end(),
                           [&](const auto& other) { return other->port == teacher.port; });
    };
    do {
      teacher.port = ports_[random_() % ports_.size()];
    } while (holders() > 1);
  }
  teacher.process = StartLightTeacher({teacher.port});
  if (teacher.process == nullptr) return teacher.port.clear();  // somebody else has it: another one next time
  teacher.state = Teacher::State::kServing;
  Count(&FaultCounts::joins);
  Tell();
}

void Churn::Drain(Teacher& teacher) {
  teacher.state = Teacher::State::kAway;
  if (Draw(2)) Tell();  // first unlisted, as with a registry; else its refusal says it
  teacher.process->Terminate();
  EXPECT_EQ(teacher.process->Wait(), 0);
  Count(&FaultCounts::drains);
  Tell();
}

void Churn::Afflict(Teacher& teacher) {
  switch (teacher.state) {
    case Teacher::State::kAway:
      return Join(teacher);
    case Teacher::State::kUnlisted:
      teacher.state = Teacher::State::kServing;
      return Tell();
    case Teacher::State::kStalled:
      teacher.process->Resume();
      teacher.state = Teacher::State::kServing;
      return;
    case Teacher::State::kServing:
      break;
  }
  switch (random_() % 4) {
    case 0:
      teacher.process->Kill();
      teacher.state = Teacher::State::kAway;
      Count(&FaultCounts::kills);
      return Draw(2) ? Tell() : void();  // else it stays listed, as a lease does for a while
    case 1:
      return Drain(teacher);
    case 2:
      teacher.process->Pause();
      teacher.state = Teacher::State::kStalled;
      return Count(&FaultCounts::stalls);
    default:
      teacher.state = Teacher::State::kUnlisted;
      Count(&FaultCounts::unlistings);
      return Tell();
  }
}

bool Churn::Settle() {
  stopping_ = true;
  stop_.Set();
  fate_.Join();
  for (auto& teacher : teachers_) {
    for (int tries = 0; teacher->state != Teacher::State::kServing && tries < kPorts; ++tries) Afflict(*teacher);
  }
  Tell();
  // Not all need have work: with room for one batch the first teacher may do it all.
  return student_->AwaitAllReady();
}

ChurnOptions DrawChurn(std::uint64_t seed, SourceForm form) {
  std::mt19937_64 random(seed);
  auto draw = [&](int least, int most) { return std::uniform_int_distribution<>(least, most)(random); };
  ChurnOptions options;
  options.seed = seed;
  options.plan.form = form;
  options.plan.most_rows = form == SourceForm::kSamples ? 1 : draw(1, 12);
  options.plan.items = form == SourceForm::kSamples ? 400 : 100;
  options.plan.ragged = draw(0, 1) == 1;
  options.reader.teacher_batch_rows = draw(1, 8);
  options.reader.window = draw(1, 3);
  options.reader.max_batches_ahead = draw(0, 1) * draw(1, 20);
  options.reader.ordered = draw(0, 3) > 0;
  options.reader.attempt_timeout = milliseconds(300);
  options.reader.max_attempts = 1000;  // one unlucky request may meet every fault
  return options;
}

}  // namespace edl::test
