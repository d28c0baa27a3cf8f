// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/doorman.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "src/base/log.h"

namespace edl {
namespace {

constexpr int kLookMs = 100;
constexpr std::chrono::seconds kNextWarning{30};
constexpr char kUnix[] = "unix:";

TimePoint Now() {
  return std::chrono::steady_clock::now();
}

std::size_t MostConnections(std::int64_t max_connections) {
  const auto wanted = static_cast<std::size_t>(max_connections);
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  return std::min(wanted, static_cast<std::size_t>(files.rlim_cur / 2));
}

}  // namespace

Doorman::Doorman(const std::vector<std::string>& endpoints, std::int64_t max_connections)
    : most_(MostConnections(max_connections)), files_(opendir("/proc/self/fd"), closedir) {
  for (absl::string_view endpoint : endpoints) {
    if (absl::ConsumePrefix(&endpoint, kUnix)) {
      paths_.emplace(absl::StripPrefix(endpoint, "//"));
    } else {
      ports_.insert(std::atoi(std::string(endpoint.substr(endpoint.rfind(':') + 1)).c_str()));
    }
  }
  if (files_ == nullptr || !interrupt_.ok()) {
    Log().warn("the number of connections has no bound: /proc/self/fd cannot be read");
    return;
  }
  thread_ = Thread("edl-door", [this] { Work(); });
}

Doorman::~Doorman() {
  interrupt_.Set();
  thread_.Join();
}

void Doorman::Work() {
  while (!interrupt_.set()) {
    // Counting is cheap, and mostly it is enough: a connection is a file.
    if (CountFiles() > most_) TurnAway(FindConnections());
    pollfd stop = {interrupt_.fd(), POLLIN, 0};
    poll(&stop, 1, kLookMs);
  }
}

std::size_t Doorman::CountFiles() {
  std::size_t count = 0;
  for (rewinddir(files_.get()); readdir(files_.get()) != nullptr;) ++count;
  return count;
}

std::vector<Doorman::Connection> Doorman::FindConnections() {
  std::vector<Connection> connections;
  rewinddir(files_.get());
  while (const dirent* file = readdir(files_.get())) {
    const int socket = std::atoi(file->d_name);
    struct stat what = {};
    if (socket > 0 && IsOfServer(socket) && fstat(socket, &what) == 0) connections.push_back({socket, what.st_ino});
  }
  return connections;
}

bool Doorman::IsOfServer(int socket) const {
  sockaddr_storage name = {}, peer = {};
  socklen_t size = sizeof name, peer_size = sizeof peer;
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (getsockname(socket, generic, &size) != 0) return false;                                  // no socket
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return false;  // a listener
  switch (name.ss_family) {
    case AF_INET:
      return ports_.count(ntohs(reinterpret_cast<sockaddr_in*>(generic)->sin_port)) != 0;
    case AF_INET6:
      return ports_.count(ntohs(reinterpret_cast<sockaddr_in6*>(generic)->sin6_port)) != 0;
    case AF_UNIX:
      return size > offsetof(sockaddr_un, sun_path) &&
             paths_.count(reinterpret_cast<sockaddr_un*>(generic)->sun_path) != 0;
    default:
      return false;
  }
}

// gRPC owns it, sees that it has ended, and closes it. It may have done so already, and the number be another's.
bool Doorman::End(const Connection& connection) {
  const int socket = fcntl(connection.socket, F_DUPFD_CLOEXEC, 0);
  if (socket < 0) return false;
  struct stat what = {};
  const bool same = fstat(socket, &what) == 0 && what.st_ino == connection.identity;
  if (same) shutdown(socket, SHUT_RDWR);
  close(socket);
  return same;
}

void Doorman::TurnAway(const std::vector<Connection>& connections) {
  std::set<ino_t> stay;
  std::vector<Connection> late;
  for (const Connection& connection : connections) {
    if (inside_.count(connection.identity) != 0) {
      stay.insert(connection.identity);
    } else {
      late.push_back(connection);
    }
  }
  std::size_t turned_away = 0;
  for (const Connection& connection : late) {
    if (stay.size() < most_) {
      stay.insert(connection.identity);
      continue;
    }
    if (End(connection)) ++turned_away;
  }
  inside_ = std::move(stay);
  if (turned_away != 0) Warn(turned_away);
}

// Now and then: whoever floods the door must not flood the log.
void Doorman::Warn(std::size_t turned_away) {
  if (warned_ && Now() - *warned_ < kNextWarning) return;
  warned_ = Now();
  Log().warn(
      "{} connections were turned away: there are {}, the most that are taken (--max-connections, and half of "
      "the files that this process may open: ulimit -n)",
      turned_away, most_);
}

}  // namespace edl
