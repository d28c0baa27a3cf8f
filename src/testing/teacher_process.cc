// SPDX-License-Identifier: Apache-2.0
#include "edl/testing/teacher_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/base/thread.h"

namespace edl::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = 4096;  // of its output; the rest of a longer one is not kept

class Pipe {
 public:
  absl::Status Open() {
    if (pipe2(ends_, O_CLOEXEC) == 0 && fcntl(ends_[0], F_SETFL, O_NONBLOCK) == 0) return absl::OkStatus();
    return absl::ResourceExhaustedError(std::strerror(errno));
  }
  ~Pipe() {
    close(ends_[0]);
    CloseWriter();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseWriter() {
    close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

class TeacherProcessImpl final : public TeacherProcess {
 public:
  explicit TeacherProcessImpl(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}
  ~TeacherProcessImpl() override { Kill(); }

  const std::string& endpoint() const override { return endpoint_; }
  int pid() const override { return pid_; }
  void Kill() override {
    Signal(SIGKILL);
    Wait();
  }
  void Terminate() override { Signal(SIGTERM); }
  void Pause() override { Signal(SIGSTOP); }
  void Resume() override { Signal(SIGCONT); }

  int Wait() override {
    MutexLock lock(mu_);
    while (!exit_status_) changed_.Wait(mu_);
    return *exit_status_;
  }

  absl::Status Run();
  absl::Status AwaitServing(Clock::time_point deadline);

 private:
  void Fork();
  void ReadUntilItEnds();
  bool Drain();
  bool Ended() const;
  void Hear(const char* text, std::size_t size);
  void Reap();

  void Signal(int signal) {
    MutexLock lock(mu_);
    if (!exit_status_) kill(pid_, signal);  // once it has been reaped, its number may be another's
  }

  const std::vector<std::string> arguments_;
  Pipe output_;
  std::string endpoint_;  // written under mu_; constant once it is not empty

  Mutex mu_;
  CondVar changed_;
  bool forked_ ABSL_GUARDED_BY(mu_) = false;
  pid_t pid_ = -1;  // constant once forked_
  std::optional<int> exit_status_ ABSL_GUARDED_BY(mu_);

  std::string line_ ABSL_GUARDED_BY(mu_);  // that it is writing; not kept once it serves
  std::string last_line_ ABSL_GUARDED_BY(mu_);

  // Forks, reads, and stays until the process has ended: the kernel takes the end of the forking thread for its
  // parent's death.
  Thread thread_;
};

// After fork: only what is safe in the copy of a process with many threads.
[[noreturn]] void Become(char* const* arguments, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  dup2(output, STDOUT_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

void TeacherProcessImpl::Fork() {
  std::vector<char*> argv;
  for (const std::string& argument : arguments_) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(argv.data(), output_.writer(), parent);
  MutexLock lock(mu_);
  pid_ = pid;
  forked_ = true;
  if (pid < 0) exit_status_ = 127;
  changed_.NotifyAll();
}

// The endpoint in a line "serving … at HOST:PORT".
std::optional<std::string> EndpointIn(const std::string& line) {
  const std::size_t at = line.rfind(" at ");
  if (line.rfind("serving ", 0) != 0 || at == std::string::npos) return std::nullopt;
  return line.substr(at + 4);
}

void TeacherProcessImpl::Hear(const char* text, std::size_t size) {
  MutexLock lock(mu_);
  for (std::size_t i = 0; i < size && endpoint_.empty(); ++i) {
    if (text[i] != '\n') {
      if (line_.size() < kLongestLine) line_ += text[i];
      continue;
    }
    endpoint_ = EndpointIn(line_).value_or("");
    last_line_ = std::exchange(line_, {});
  }
  if (!endpoint_.empty()) changed_.NotifyAll();
}

// What is in the pipe, and no more than that: it may be filled faster than this reads. False: nobody can write to it.
bool TeacherProcessImpl::Drain() {
  constexpr int kPipe = 16;  // pages, as Linux makes it
  for (int page = 0; page < kPipe; ++page) {
    char text[4096];
    const ssize_t got = read(output_.reader(), text, sizeof text);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    Hear(text, static_cast<std::size_t>(got));
  }
  return true;
}

bool TeacherProcessImpl::Ended() const {
  siginfo_t ended{};
  int failed;
  do {
    failed = waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | WNOHANG);
  } while (failed < 0 && errno == EINTR);
  return failed < 0 || ended.si_pid != 0;
}

// Reads what it writes for as long as it lives: it would block when nobody did, once the pipe is full. The end of the
// output alone is not the end of the process, nor the other way round: a child of its own may have the pipe, too.
void TeacherProcessImpl::ReadUntilItEnds() {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));  // glibc has no name for it before 2.36
  constexpr int kLook = 20;  // ms between looks at the process on a kernel without pidfd, before Linux 5.3
  pollfd waits[] = {{output_.reader(), POLLIN, 0}, {process, POLLIN, 0}};
  while (!Ended()) {
    if (poll(waits, 2, process < 0 ? kLook : -1) <= 0 || waits[0].revents == 0) continue;
    if (!Drain()) waits[0].fd = -1;
  }
  Drain();
  if (process >= 0) close(process);
}

void TeacherProcessImpl::Reap() {
  MutexLock lock(mu_);  // from here on nobody signals it
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_status_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  changed_.NotifyAll();
}

absl::Status TeacherProcessImpl::Run() {
  EDL_RETURN_IF_ERROR(output_.Open());
  thread_ = Thread("edl-teacher-proc", [this] {
    Fork();
    if (pid_ <= 0) return;
    ReadUntilItEnds();
    Reap();
  });
  MutexLock lock(mu_);
  while (!forked_) changed_.Wait(mu_);
  output_.CloseWriter();
  return pid_ > 0 ? absl::OkStatus() : absl::ResourceExhaustedError("cannot start another process");
}

absl::Status TeacherProcessImpl::AwaitServing(Clock::time_point deadline) {
  MutexLock lock(mu_);
  while (endpoint_.empty() && !exit_status_ && Clock::now() < deadline) changed_.WaitUntil(mu_, deadline);
  if (!endpoint_.empty()) return absl::OkStatus();
  if (!exit_status_) {
    return absl::DeadlineExceededError(
        absl::StrCat(arguments_[0], " does not serve yet; it last wrote '", last_line_, "'"));
  }
  return absl::UnavailableError(absl::StrCat(arguments_[0], " ended with status ", *exit_status_,
                                             " before it served; it last wrote '", last_line_, "'"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TeacherProcess>> TeacherProcess::Start(const std::vector<std::string>& arguments,
                                                                      std::chrono::milliseconds timeout) {
  if (arguments.empty()) return absl::InvalidArgumentError("no program was given");
  if (access(arguments[0].c_str(), X_OK) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot run '", arguments[0], "': ", std::strerror(errno)));
  }
  auto process = std::make_unique<TeacherProcessImpl>(arguments);
  EDL_RETURN_IF_ERROR(process->Run());
  EDL_RETURN_IF_ERROR(process->AwaitServing(Clock::now() + timeout));
  return std::unique_ptr<TeacherProcess>(std::move(process));
}

}  // namespace edl::testing
