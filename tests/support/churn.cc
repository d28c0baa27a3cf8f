// SPDX-License-Identifier: Apache-2.0
#include "tests/support/churn.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <thread>
#include <utility>

#include "src/testing/free_port.h"
#include "tests/support/real_teacher.h"
#include "tests/support/tcp_proxy.h"

namespace edl::test {
namespace {

using std::chrono::milliseconds;

constexpr int kTeachers = 4;  // at a time, at most
constexpr int kPosts = 12;    // that they come and go on: a teacher is back sometimes, and new sometimes

std::vector<std::string> DrawPorts() {
  std::vector<std::string> ports;
  while (ports.size() < kPosts) {
    std::string port = std::to_string(testing::FreePort());
    if (std::find(ports.begin(), ports.end(), port) == ports.end()) ports.push_back(std::move(port));
  }
  return ports;
}

// Pauses the calling thread for some milliseconds, once in some 200 calls. Its copies, one an epoch, draw on.
std::function<void()> PausesNowAndThen(std::uint64_t seed) {
  return [random = std::make_shared<std::minstd_rand>(static_cast<std::uint32_t>(seed))] {
    if ((*random)() % 200 == 0) std::this_thread::sleep_for(milliseconds((*random)() % 30));
  };
}

}  // namespace

// A place of a teacher: where it listens, and where students reach it.
struct Churn::Post {
  enum class Wire { kFlows, kSlow, kStalled };

  std::string port;
  std::unique_ptr<TcpProxy> wire;  // null: students reach it directly
  Wire state = Wire::kFlows;

  std::string endpoint() const { return wire != nullptr ? wire->endpoint() : "127.0.0.1:" + port; }
  void Mend() {
    if (wire == nullptr) return;
    wire->CutAfter(-1);
    wire->SlowTo(0);
    wire->Flow();
    state = Wire::kFlows;
  }
};

struct Churn::Teacher {
  enum class State { kAway, kServing, kStalled, kUnlisted };
  State state = State::kAway;
  Post* post = nullptr;
  TeacherPtr process;
};

Churn::Churn(const ChurnOptions& options) : options_(options), random_(options.seed) {
  for (std::string& port : DrawPorts()) {
    auto post = std::make_unique<Post>();
    if (options_.links == ChurnOptions::Links::kWires) post->wire = std::make_unique<TcpProxy>("127.0.0.1:" + port);
    post->port = std::move(port);
    posts_.push_back(std::move(post));
  }
  for (int t = 0; t < kTeachers; ++t) teachers_.push_back(std::make_unique<Teacher>());
  student_ = NewStudent();
  fate_ = Thread("test-fate", [this] { Run(); });
}

Churn::~Churn() {
  stopping_ = true;
  stop_.Set();
  fate_.Join();
  student_.reset();
}

std::unique_ptr<Student> Churn::NewStudent() {
  RowPlan plan = options_.plan;
  plan.before = PausesNowAndThen(options_.seed + 1);
  StudentHabits habits;
  habits.before = PausesNowAndThen(options_.seed + 2);
  if (options_.leaves_one_in > 0) {
    const auto one_in = static_cast<unsigned>(options_.leaves_one_in * plan.items);
    habits.leaves = [one_in, random = std::mt19937(static_cast<std::uint32_t>(options_.seed + 3))]() mutable {
      return random() % one_in == 0;
    };
  }
  auto watch = [this] { return options_.registry.redis.empty() ? told_.Watcher() : RedisTeachers(options_.registry); };
  return std::make_unique<Student>(watch, options_.reader, plan, habits);
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
    stop_.WaitFor(options_.calm * (random_() % 2000) / 1000);
    if (stopping_) break;
    Strike();
  }
}

void Churn::Strike() {
  if (options_.remakes_one_in > 0 && Draw(options_.remakes_one_in)) {
    student_->RemakeReader();
    return Count(&FaultCounts::remakes);
  }
  Teacher& unlucky = *teachers_[random_() % teachers_.size()];
  if (options_.links == ChurnOptions::Links::kWires && unlucky.state != Teacher::State::kAway && Draw(3)) {
    return AfflictWire(*unlucky.post);
  }
  if (Draw(40)) {  // a power cut
    for (auto& teacher : teachers_) {
      if (teacher->state != Teacher::State::kAway) Afflict(*teacher);
    }
  }
  Afflict(unlucky);
}

std::vector<std::string> Churn::Listed() const {
  std::vector<std::string> endpoints;
  for (const auto& teacher : teachers_) {
    if (teacher->state == Teacher::State::kServing || teacher->state == Teacher::State::kStalled) {
      endpoints.push_back(teacher->post->endpoint());
    }
  }
  return endpoints;
}

// With a registry, leases say it.
void Churn::Tell() {
  if (!options_.registry.redis.empty()) return;
  std::vector<std::string> endpoints = Listed();
  std::shuffle(endpoints.begin(), endpoints.end(), random_);
  told_.Tell(std::move(endpoints));
}

void Churn::TakePost(Teacher& teacher) {
  auto holders = [&] {
    return std::count_if(teachers_.begin(), teachers_.end(),
                         [&](const auto& other) { return other->post == teacher.post; });
  };
  do {
    teacher.post = posts_[random_() % posts_.size()].get();
  } while (holders() > 1);
}

void Churn::Join(Teacher& teacher) {
  teacher.process.reset();
  if (teacher.post == nullptr || Draw(2)) TakePost(teacher);
  teacher.post->Mend();
  RealTeacherOptions options;
  options.port = teacher.post->port;
  options.redis = options_.registry.redis;
  options.advertise = teacher.post->endpoint();
  teacher.process = StartLightTeacher(options);
  if (teacher.process == nullptr) {  // somebody else has the port: another one next time
    teacher.post = nullptr;
    return;
  }
  teacher.state = Teacher::State::kServing;
  Count(&FaultCounts::joins);
  Tell();
}

void Churn::Drain(Teacher& teacher) {
  teacher.state = Teacher::State::kAway;
  if (Draw(2)) Tell();   // first unlisted, as with a registry; else its refusal says it
  teacher.post->Mend();  // it waits for what it has accepted, which may be on its way
  teacher.process->Terminate();
  EXPECT_EQ(teacher.process->Wait(), 0);
  Count(&FaultCounts::drains);
  Tell();
}

void Churn::Unlist(Teacher& teacher) {
  teacher.state = Teacher::State::kUnlisted;
  if (!options_.registry.redis.empty()) kill(teacher.process->pid(), SIGUSR1);  // not well: its lease runs out
  Count(&FaultCounts::unlistings);
  Tell();
}

void Churn::Relist(Teacher& teacher) {
  teacher.state = Teacher::State::kServing;
  if (!options_.registry.redis.empty()) kill(teacher.process->pid(), SIGUSR1);
  Tell();
}

void Churn::Afflict(Teacher& teacher) {
  switch (teacher.state) {
    case Teacher::State::kAway:
      return Join(teacher);
    case Teacher::State::kUnlisted:
      return Relist(teacher);
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
      return Unlist(teacher);
  }
}

void Churn::AfflictWire(Post& post) {
  if (post.state != Post::Wire::kFlows) return post.Mend();
  switch (random_() % 4) {
    case 0:
      post.wire->CutAfter(static_cast<std::int64_t>(random_() % 5000));  // in the midst of a reply, say
      return Count(&FaultCounts::cuts);
    case 1:
      post.wire->Forget();
      return Count(&FaultCounts::forgets);
    case 2:
      post.wire->Stall();
      post.state = Post::Wire::kStalled;
      return Count(&FaultCounts::blackouts);
    default:
      // 2 kB/s, with which few attempts come through in time, to 200 kB/s, and each size in between as often.
      post.wire->SlowTo(std::llround(2000 * std::pow(100.0, static_cast<double>(random_() % 1000) / 1000)));
      post.state = Post::Wire::kSlow;
      return Count(&FaultCounts::slows);
  }
}

std::vector<std::string> Churn::Calm() {
  stopping_ = true;
  stop_.Set();
  fate_.Join();
  for (auto& teacher : teachers_) {
    for (int tries = 0; teacher->state != Teacher::State::kServing && tries < kPosts; ++tries) Afflict(*teacher);
    if (teacher->post != nullptr) teacher->post->Mend();
  }
  Tell();
  return Listed();
}

bool Churn::Settle() {
  Calm();
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
