// SPDX-License-Identifier: Apache-2.0
#include "src/registry/redis_teachers.h"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/interrupt.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/thread.h"
#include "src/registry/backoff.h"
#include "src/registry/numbers_publisher.h"
#include "src/registry/redis_connect.h"
#include "src/registry/registry_store.h"
#include "src/registry/registry_view.h"
#include "src/registry/teacher_share.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

// A burst of changes is read in a few steps instead of one by one.
constexpr milliseconds kReadGap{10};
// By then all who were connected before an outage have registered again: the longest backoff, twice.
constexpr milliseconds kSettling = 2 * Backoff::kLongest;
constexpr std::chrono::seconds kNextWarning{30};

TimePoint Now() {
  return std::chrono::steady_clock::now();
}

class RedisTeacherWatcher final : public TeacherWatcher {
 public:
  explicit RedisTeacherWatcher(RedisTeachersOptions options)
      : options_(std::move(options)), address_(RedisAddress::Parse(options_.redis)) {}

  ~RedisTeacherWatcher() override {
    interrupt_.Set();
    thread_.Join();
  }

  void SetMaxTeachers(int max_teachers) override { max_teachers_ = max_teachers; }
  void SetNumbers(std::function<std::string()> numbers) override {
    if (options_.numbers.count() == 0) return;
    numbers_.emplace(std::move(numbers), options_.service, options_.lease, options_.numbers);
  }
  absl::Status Start(std::function<void(const TeacherSet&)> on_change) override;
  std::string ToString() const override {
    return absl::StrCat("those of service ", options_.service, " at ",
                        address_.ok() ? address_->ToString() : "(no Redis address)");
  }
  const RedisTeachersOptions& options() const { return options_; }

 private:
  // What is bound to the connections, and begins anew with them.
  struct Session {
    std::unique_ptr<RedisConnection> commands;
    std::unique_ptr<RedisConnection> events;  // null: the user may not subscribe
    TimePoint settled, next_beat, next_scan, next_read;
    std::int64_t version = 0;  // that the view is at; 0: not read yet
    bool read_wanted = false;  // a message has come that there is news
    bool has_news = false;     // in the view, and not told
    ForeignScan scan;
  };

  void Run();
  absl::Status Follow();
  absl::StatusOr<Session> Connect();
  absl::Status Beat(Session& session);
  absl::Status Scan(Session& session);
  absl::Status Read(Session& session);
  void Tell(Session& session);
  absl::Status Await(Session& session);
  void WaitUntil(TimePoint time);
  void NoteOutage(const absl::Status& why);
  void Complain(const std::string& what);

  const RedisTeachersOptions options_;
  const absl::StatusOr<RedisAddress> address_;
  int max_teachers_ = 0;                              // constant once started
  std::function<void(const TeacherSet&)> on_change_;  // likewise
  std::string student_;                               // likewise
  Interrupt interrupt_;

  // The watcher's thread only.
  RegistryView view_;
  std::optional<TeacherShare> share_;
  std::optional<NumbersPublisher> numbers_;  // none: the reader has said nothing of them
  Backoff backoff_;
  std::optional<TimePoint> warned_;      // of the outage that lasts
  std::optional<TimePoint> complained_;  // of what stands in the registry
  bool scanning_ = true;

  Thread thread_;
};

absl::Status RedisTeacherWatcher::Start(std::function<void(const TeacherSet&)> on_change) {
  EDL_RETURN_IF_ERROR(options_.Validate());
  if (!interrupt_.ok()) return absl::ResourceExhaustedError("no file descriptor is left");
  on_change_ = std::move(on_change);
  student_ = NewStudentName(max_teachers_);
  share_.emplace(student_, max_teachers_, options_.lease, options_.missing_grace);
  scanning_ = options_.foreign_scan.count() > 0;
  on_change_(TeacherSet{});  // from here on the reader counts the time without a teacher, whether Redis is there or not
  thread_ = Thread("edl-watcher", [this] { Run(); });
  return absl::OkStatus();
}

void RedisTeacherWatcher::Run() {
  while (!interrupt_.set()) {
    absl::Status why = Follow();
    if (interrupt_.set()) return;
    NoteOutage(why);
    WaitUntil(Now() + backoff_.Next());
  }
}

// Until the connection fails, or the interrupt.
absl::Status RedisTeacherWatcher::Follow() {
  EDL_ASSIGN_OR_RETURN(Session session, Connect());
  while (!interrupt_.set()) {
    if (Now() >= session.next_beat) EDL_RETURN_IF_ERROR(Beat(session));
    if (scanning_ && Now() >= session.next_scan) EDL_RETURN_IF_ERROR(Scan(session));
    if (session.read_wanted && Now() >= session.next_read) EDL_RETURN_IF_ERROR(Read(session));
    if (session.has_news || (share_->next_look() && Now() >= *share_->next_look())) Tell(session);
    if (numbers_) EDL_RETURN_IF_ERROR(numbers_->Publish(*session.commands, student_));
    EDL_RETURN_IF_ERROR(Await(session));
  }
  // The others need not wait for the lease to run out.
  const absl::Status removed = RegistryStore(*session.commands, options_.service).RemoveStudent(student_);
  if (numbers_) numbers_->Remove(*session.commands, student_);
  return removed;
}

absl::StatusOr<RedisTeacherWatcher::Session> RedisTeacherWatcher::Connect() {
  const RedisTimeouts timeouts{options_.timeout, options_.timeout};
  Session session;
  EDL_ASSIGN_OR_RETURN(session.commands, ConnectToRedis(*address_, timeouts, interrupt_));
  EDL_ASSIGN_OR_RETURN(session.events, ConnectToRedis(*address_, timeouts, interrupt_));
  const std::string channel = RegistryStore(*session.commands, options_.service).channel();
  absl::Status subscribed = session.events->Call({"SUBSCRIBE", channel}).status();
  if (absl::IsPermissionDenied(subscribed)) {
    Log().warn("changes of teachers are only noticed every {} ms, because the channel {} may not be listened to: {}",
               options_.poll.count(), channel, subscribed.ToString());
    session.events.reset();
  } else {
    EDL_RETURN_IF_ERROR(subscribed);
  }
  session.next_beat = session.next_scan = session.next_read = Now();
  session.settled = Now() + kSettling;
  return session;
}

absl::Status RedisTeacherWatcher::Beat(Session& session) {
  session.next_beat = Now() + options_.poll;
  RegistryStore store(*session.commands, options_.service);
  EDL_ASSIGN_OR_RETURN(std::int64_t version, store.RenewStudent(student_, options_.lease));
  if (version != session.version) EDL_RETURN_IF_ERROR(Read(session));
  backoff_.Reset();
  if (warned_) Log().warn("the registry can be reached again: {}", address_->ToString());
  warned_.reset();
  return absl::OkStatus();
}

// One page: there may be millions of keys, and heartbeats come in between.
absl::Status RedisTeacherWatcher::Scan(Session& session) {
  RegistryStore store(*session.commands, options_.service);
  absl::Status status = store.ListForeignTeachers(session.scan, student_, options_.foreign_scan);
  session.next_scan = session.scan.running() ? Now() : Now() + options_.foreign_scan;
  if (!absl::IsPermissionDenied(status)) return status;
  Log().warn("teachers that other tools registered are not looked for: {}", status.ToString());
  scanning_ = false;
  return absl::OkStatus();
}

absl::Status RedisTeacherWatcher::Read(Session& session) {
  RegistryStore store(*session.commands, options_.service);
  absl::StatusOr<RegistryNews> news = store.Read(session.version);
  session.read_wanted = false;
  session.next_read = Now() + kReadGap;
  if (absl::IsResourceExhausted(news.status())) {
    Complain(news.status().ToString() + "; the teachers that are known stay in use");
    return absl::OkStatus();
  }
  if (!news.ok()) return news.status();
  view_.Apply(*news);
  if (const std::string nonsense = view_.TakeNonsense(); !nonsense.empty()) Complain(nonsense);
  session.version = news->version;
  session.has_news = true;
  return absl::OkStatus();
}

void RedisTeacherWatcher::Tell(Session& session) {
  const TimePoint start = Now();
  session.has_news = false;
  std::optional<TeacherSet> set = share_->Update(view_, start, session.settled);
  view_.ForgetLeft();
  if (set) on_change_(*set);
  // Sharing out a large fleet takes its time, which is the trainer's: a twentieth of it at most, whatever the churn.
  const TimePoint end = Now();
  session.next_read =
      std::max(session.next_read, end + std::min<TimePoint::duration>(19 * (end - start), options_.poll));
}

// Waits until something is due, or a message says that there is news.
absl::Status RedisTeacherWatcher::Await(Session& session) {
  TimePoint due = session.next_beat;
  if (scanning_) due = std::min(due, session.next_scan);
  if (share_->next_look()) due = std::min(due, *share_->next_look());
  if (session.read_wanted) due = std::min(due, session.next_read);
  if (session.events == nullptr || session.read_wanted) {
    WaitUntil(due);  // more messages would say no more
    return absl::OkStatus();
  }
  EDL_ASSIGN_OR_RETURN(session.read_wanted, session.events->AwaitMessage(due));
  return absl::OkStatus();
}

void RedisTeacherWatcher::WaitUntil(TimePoint time) {
  pollfd stop{interrupt_.fd(), POLLIN, 0};
  const auto left = std::chrono::ceil<milliseconds>(time - Now()).count();
  if (left > 0) poll(&stop, 1, static_cast<int>(left));  // one that ends early is called again
}

void RedisTeacherWatcher::NoteOutage(const absl::Status& why) {
  if (warned_ && Now() - *warned_ < kNextWarning) return;
  warned_ = Now();
  Log().warn("no news of the teachers of service {}; those that are known stay in use: {}", options_.service,
             why.ToString());
}

// Now and then: whoever fills the registry with nonsense must not fill the log.
void RedisTeacherWatcher::Complain(const std::string& what) {
  if (complained_ && Now() - *complained_ < kNextWarning) return;
  complained_ = Now();
  Log().warn("{}", what);
}

absl::Status CheckTime(const char* field, milliseconds value, milliseconds least) {
  constexpr milliseconds kMost = std::chrono::hours(24);
  if (value >= least && value <= kMost) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " (ms) is ", value.count(), "; expected ", least.count(), " to ", kMost.count()));
}

}  // namespace

absl::Status RedisTeachersOptions::Validate() const {
  constexpr milliseconds kLeast{10};
  EDL_RETURN_IF_ERROR(Annotate(RedisAddress::Parse(redis).status(), "redis"));
  EDL_RETURN_IF_ERROR(Annotate(CheckServiceName(service), "service"));
  EDL_RETURN_IF_ERROR(CheckTime("missing_grace", missing_grace, milliseconds(0)));
  EDL_RETURN_IF_ERROR(CheckTime("poll", poll, kLeast));
  EDL_RETURN_IF_ERROR(CheckTime("lease", lease, 2 * poll + milliseconds(1)));
  EDL_RETURN_IF_ERROR(CheckTime("foreign_scan", foreign_scan, milliseconds(0)));
  EDL_RETURN_IF_ERROR(CheckTime("numbers", numbers, milliseconds(0)));
  return CheckTime("timeout", timeout, kLeast);
}

const RedisTeachersOptions* RedisOptionsOf(const TeacherWatcher& watcher) {
  const auto* redis = dynamic_cast<const RedisTeacherWatcher*>(&watcher);
  return redis == nullptr ? nullptr : &redis->options();
}

std::unique_ptr<TeacherWatcher> RedisTeachers(RedisTeachersOptions options) {
  return std::make_unique<RedisTeacherWatcher>(std::move(options));
}

}  // namespace edl
