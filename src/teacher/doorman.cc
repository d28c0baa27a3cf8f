// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/doorman.h"

#include <fcntl.h>
#include <linux/tcp.h>
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
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "src/base/log.h"

namespace edl {
namespace {

constexpr int kLookMs = 100;
constexpr std::chrono::seconds kNextWarning{30};
constexpr char kUnix[] = "unix:";

// Now and then: whoever floods the door must not flood the log.
bool IsDue(std::optional<TimePoint>& warned) {
  const TimePoint now = std::chrono::steady_clock::now();
  if (warned && now - *warned < kNextWarning) return false;
  warned = now;
  return true;
}

std::uint64_t ReceivedBy(int socket) {
  tcp_info info = {};
  socklen_t size = sizeof info;
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

std::size_t MostConnections(std::int64_t max_connections) {
  const auto wanted = static_cast<std::size_t>(max_connections);
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  return std::min(wanted, static_cast<std::size_t>(files.rlim_cur / 2));
}

}  // namespace

Doorman::Doorman(const std::vector<std::string>& endpoints, const Bounds& bounds, Arrivals& arrivals)
    : most_(MostConnections(bounds.connections)),
      most_unfinished_(static_cast<std::uint64_t>(bounds.unfinished_bytes)),
      arrivals_(arrivals),
      files_(opendir("/proc/self/fd"), closedir) {
  for (absl::string_view endpoint : endpoints) {
    if (absl::ConsumePrefix(&endpoint, kUnix)) {
      paths_.emplace(absl::StripPrefix(endpoint, "//"));
    } else {
      ports_.insert(std::atoi(std::string(endpoint.substr(endpoint.rfind(':') + 1)).c_str()));
    }
  }
  if (files_ == nullptr || !interrupt_.ok()) {
    Log().warn("connections have no bounds: /proc/self/fd cannot be read");
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
    Look();
    pollfd stop = {interrupt_.fd(), POLLIN, 0};
    poll(&stop, 1, kLookMs);
  }
}

void Doorman::Look() {
  std::set<Peer> arrived = arrivals_.Take();  // first: what those requests had is received by now
  std::vector<Connection> connections = FindConnections();
  Measure(std::move(arrived), connections);
  CutOff(connections);
  TurnAway(connections);
}

std::vector<Doorman::Connection> Doorman::FindConnections() {
  std::vector<Connection> connections;
  rewinddir(files_.get());
  while (const dirent* file = readdir(files_.get())) {
    const int socket = std::atoi(file->d_name);
    std::optional<Peer> peer = socket > 0 ? PeerOf(socket) : std::nullopt;
    struct stat what = {};
    if (!peer || fstat(socket, &what) != 0) continue;
    connections.push_back({socket, what.st_ino, *std::move(peer), ReceivedBy(socket)});
  }
  return connections;
}

// Nothing: it is no connection of the server.
std::optional<Peer> Doorman::PeerOf(int socket) const {
  sockaddr_storage name = {}, peer = {};
  socklen_t size = sizeof name, peer_size = sizeof peer;
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (getsockname(socket, generic, &size) != 0) return std::nullopt;                                  // no socket
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return std::nullopt;  // a listener
  bool of_server = false;
  switch (name.ss_family) {
    case AF_INET:
      of_server = ports_.count(ntohs(reinterpret_cast<sockaddr_in*>(generic)->sin_port)) != 0;
      break;
    case AF_INET6:
      of_server = ports_.count(ntohs(reinterpret_cast<sockaddr_in6*>(generic)->sin6_port)) != 0;
      break;
    case AF_UNIX:
      of_server = size > offsetof(sockaddr_un, sun_path) &&
                  paths_.count(reinterpret_cast<sockaddr_un*>(generic)->sun_path) != 0;
      break;
    default:
      break;
  }
  return of_server ? std::make_optional<Peer>(peer) : std::nullopt;
}

// gRPC owns it, sees that it has ended, and closes it. It may have done so already, and the number be another's.
// Without a reset the kernel would keep it for a minute more, and the other side go on trying to send.
bool Doorman::End(const Connection& connection) {
  const int socket = fcntl(connection.socket, F_DUPFD_CLOEXEC, 0);
  if (socket < 0) return false;
  struct stat what = {};
  const bool same = fstat(socket, &what) == 0 && what.st_ino == connection.identity;
  if (same) {
    const linger reset_at_close = {1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset_at_close, sizeof reset_at_close);
    shutdown(socket, SHUT_RDWR);
  }
  close(socket);
  return same;
}

void Doorman::Measure(std::set<Peer> arrived, std::vector<Connection>& connections) const {
  // Two from the same port, to different addresses of this server, cannot be told apart: neither gets what is the
  // other's.
  std::set<Peer> seen;
  for (const Connection& connection : connections) {
    if (!seen.insert(connection.peer).second) arrived.erase(connection.peer);
  }
  for (Connection& connection : connections) {
    if (arrived.count(connection.peer) != 0) continue;
    auto known = inside_.find(connection.identity);
    const std::uint64_t before = known == inside_.end() ? 0 : known->second;
    connection.unfinished = connection.received > before ? connection.received - before : 0;
  }
}

void Doorman::CutOff(const std::vector<Connection>& connections) {
  std::uint64_t unfinished = 0;
  for (const Connection& connection : connections) unfinished += connection.unfinished;
  if (unfinished <= most_unfinished_) return;
  std::map<std::string, std::uint64_t> of_client;
  for (const Connection& connection : connections) of_client[connection.peer.client()] += connection.unfinished;
  std::vector<std::pair<std::uint64_t, const Connection*>> worst_first;
  for (const Connection& connection : connections) {
    worst_first.emplace_back(of_client[connection.peer.client()], &connection);
  }
  std::sort(worst_first.begin(), worst_first.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->unfinished) > std::tie(b.first, b.second->unfinished);
  });
  for (const auto& [sum, connection] : worst_first) {
    if (unfinished <= most_unfinished_) break;
    unfinished -= connection->unfinished;
    if (!End(*connection) || !IsDue(warned_of_much_)) continue;
    Log().warn(
        "a connection was closed: it had sent {} bytes since a request of it last arrived, and its address {}, the "
        "most of all, which may have {} together (--max-unfinished-bytes)",
        connection->unfinished, sum, most_unfinished_);
  }
}

void Doorman::TurnAway(const std::vector<Connection>& connections) {
  std::map<ino_t, std::uint64_t> stay;
  auto let_stay = [&](const Connection& connection) {
    stay.emplace(connection.identity, connection.received - connection.unfinished);
  };
  for (const Connection& connection : connections) {
    if (inside_.count(connection.identity) != 0) let_stay(connection);
  }
  std::size_t turned_away = 0;
  for (const Connection& connection : connections) {
    if (inside_.count(connection.identity) != 0) continue;
    if (stay.size() < most_) {
      let_stay(connection);
    } else if (End(connection)) {
      ++turned_away;
    }
  }
  inside_ = std::move(stay);
  if (turned_away == 0 || !IsDue(warned_of_many_)) return;
  Log().warn(
      "{} connections were turned away: there are {}, the most that are taken (--max-connections, and half of "
      "the files that this process may open: ulimit -n)",
      turned_away, most_);
}

}  // namespace edl
