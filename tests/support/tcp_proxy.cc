// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gtest/gtest.h"

namespace edl::test {
namespace {

constexpr std::size_t kBuffer = 1 << 16;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void NoDelay(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

// An end of a connection, closed with it.
struct End {
  explicit End(int fd) : fd(fd) {}
  ~End() {
    if (fd >= 0) close(fd);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  // The close will send a reset.
  void Reset() const {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  const int fd;
};

}  // namespace

struct TcpProxy::Connection {
  Connection(int student, int teacher) : student(student), teacher(teacher) {}

  End student;
  End teacher;
  std::string to_teacher, to_student;  // read, and not written yet
  bool forgotten = false;
};

TcpProxy::TcpProxy(const std::string& target) : target_port_(std::stoi(target.substr(target.rfind(':') + 1))) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = Thread("test-proxy", [this] { Run(); });
}

TcpProxy::~TcpProxy() {
  stop_ = true;
  Wake();
  thread_.Join();
  close(listener_);
  close(wake_);
}

void TcpProxy::Wake() {
  const std::uint64_t one = 1;
  EXPECT_EQ(write(wake_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

void TcpProxy::Stall() {
  stalled_ = true;
  Wake();
}

void TcpProxy::Flow() {
  stalled_ = false;
  Wake();
}

void TcpProxy::Forget() {
  forget_ = true;
  Wake();
}

void TcpProxy::SlowTo(std::int64_t bytes_per_second) {
  speed_ = bytes_per_second;
  Wake();
}

void TcpProxy::CutAfter(std::int64_t reply_bytes) {
  cut_after_ = reply_bytes;
  Wake();
}

void TcpProxy::Accept() {
  const int student = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (student < 0) return;
  End refused(student);
  const int teacher = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(target_port_);
  if (connect(teacher, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(teacher);
    return;
  }
  fcntl(teacher, F_SETFL, O_NONBLOCK);
  NoDelay(teacher);
  NoDelay(student);
  connections_.emplace_back(fcntl(student, F_DUPFD_CLOEXEC, 0), teacher);
}

// Moves what can be moved one way; false when the connection has ended.
bool TcpProxy::Shovel(Connection& connection, bool is_reply) {
  const int from = is_reply ? connection.teacher.fd : connection.student.fd;
  const int to = is_reply ? connection.student.fd : connection.teacher.fd;
  std::string& waiting = is_reply ? connection.to_student : connection.to_teacher;
  if (waiting.empty()) {
    const std::int64_t until_cut = is_reply ? cut_after_.load() : -1;
    const bool slow = speed_.load() > 0;
    std::size_t room = slow ? std::min(kBuffer, static_cast<std::size_t>(std::max(credit_, 0.0))) : kBuffer;
    if (until_cut >= 0) room = std::min(room, static_cast<std::size_t>(until_cut));
    waiting.resize(room);
    const ssize_t got = recv(from, waiting.data(), waiting.size(), 0);
    const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
    const bool over = got < 0 || (got == 0 && !waiting.empty());
    waiting.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (until_cut >= 0 && got > 0) cut_after_ -= got;
    if (slow && got > 0) credit_ -= static_cast<double>(got);
    if (over) return nothing_yet;
  }
  const ssize_t sent = send(to, waiting.data(), waiting.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  waiting.erase(0, static_cast<std::size_t>(sent));
  return true;
}

void TcpProxy::ResetAll() {
  for (const Connection& connection : connections_) {
    connection.student.Reset();
    connection.teacher.Reset();
  }
  connections_.clear();
  ++cuts_;  // last: whoever sees it may ask for the next one
}

// A token bucket of a fiftieth of a second. It is let fill to the half before anything flows again, so that the bytes
// do not go one by one.
int TcpProxy::Pay() {
  const double speed = static_cast<double>(speed_.load());
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - std::exchange(paid_, now)).count();
  if (speed <= 0) return 0;
  const double most = std::max(speed / 50, 64.0);
  credit_ = std::min(credit_ + seconds * speed, most);
  return credit_ >= most / 2 ? 0 : static_cast<int>(std::ceil((most / 2 - credit_) / speed * 1000));
}

void TcpProxy::Run() {
  while (!stop_) {
    const int pause = Pay();
    if (forget_.exchange(false)) {
      for (Connection& connection : connections_) connection.forgotten = true;
    }
    std::vector<pollfd> fds = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Connection& connection : connections_) {
      if (connection.forgotten) {
        // Nobody is told of its end, but when the student has given it up it need not be held open any longer.
        fds.push_back({connection.student.fd, POLLRDHUP, 0});
        fds.push_back({-1, 0, 0});
        continue;
      }
      const bool flows = !stalled_ && pause == 0;
      auto events = [&](const std::string& out, const std::string& in) {
        return static_cast<short>((out.empty() ? POLLIN : 0) | (in.empty() ? 0 : POLLOUT));
      };
      // A negative descriptor is not looked at, so that the end of a stalled connection goes unnoticed, too.
      fds.push_back({flows ? connection.student.fd : -1, events(connection.to_teacher, connection.to_student), 0});
      fds.push_back({flows ? connection.teacher.fd : -1, events(connection.to_student, connection.to_teacher), 0});
    }
    poll(fds.data(), fds.size(), pause > 0 ? pause : -1);
    std::uint64_t wakes;
    if (fds[0].revents != 0 && read(wake_, &wakes, sizeof wakes) < 0) continue;
    std::size_t i = 2;
    for (auto it = connections_.begin(); it != connections_.end(); i += 2) {
      const bool has_news = (fds[i].revents | fds[i + 1].revents) != 0;
      const bool given_up = has_news && it->forgotten;
      const bool moves = has_news && !it->forgotten && !stalled_;
      const bool lives = !given_up && (!moves || (Shovel(*it, false) && Shovel(*it, true)));
      it = lives ? std::next(it) : connections_.erase(it);
    }
    std::int64_t due = 0;
    if (cut_after_.compare_exchange_strong(due, -1)) ResetAll();
    if (fds[1].revents != 0) Accept();
  }
}

}  // namespace edl::test
