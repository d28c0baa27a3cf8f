// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/tls_diagnosis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/base/tls_session.h"
#include "src/rpc/socket_address.h"

namespace edl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience{1000};
constexpr char kLastError[] = "last error: ";

// The address in "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:9898: Tls handshake failed…",
// which is the very one that failed; looking the name up again could take long, and find another.
std::optional<SocketAddress> AddressIn(absl::string_view message) {
  const std::size_t at = message.find(kLastError);
  if (at == absl::string_view::npos) return std::nullopt;
  absl::string_view rest = message.substr(at + std::strlen(kLastError));
  const std::size_t code_end = rest.find(": ");
  if (code_end == absl::string_view::npos) return std::nullopt;
  rest.remove_prefix(code_end + 2);
  return SocketAddress::Parse(rest.substr(0, rest.find(": ")));
}

// The words may be a server's, which is not to say where this client connects: the port, and the path or the address
// where the endpoint has one, are the endpoint's.
std::optional<SocketAddress> AddressIn(absl::string_view message, const std::string& endpoint) {
  std::optional<SocketAddress> address = AddressIn(message);
  if (!address) return std::nullopt;
  absl::string_view path = endpoint;
  if (absl::ConsumePrefix(&path, "unix:")) {
    const bool same = address->bytes.ss_family == AF_UNIX &&
                      absl::StripPrefix(path, "//") == absl::StripPrefix(address->host(), "//");
    return same ? address : std::nullopt;
  }
  int port = 0;
  if (!absl::SimpleAtoi(endpoint.substr(endpoint.rfind(':') + 1), &port) || address->port() != port) {
    return std::nullopt;
  }
  const std::string host = EndpointHost(endpoint);
  unsigned char bytes[sizeof(in6_addr)];
  const bool numeric = inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
  return !numeric || address->host() == host ? address : std::nullopt;
}

// One connection, on which every wait ends in time.
class Line {
 public:
  Line(const SocketAddress& address, const Interrupt& interrupt)
      : fd_(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        interrupt_(interrupt),
        until_(Clock::now() + kPatience) {
    const auto* name = reinterpret_cast<const sockaddr*>(&address.bytes);
    open_ = fd_ >= 0 && (connect(fd_, name, address.size) == 0 || (errno == EINPROGRESS && Await(POLLOUT)));
  }
  ~Line() {
    if (fd_ >= 0) close(fd_);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  bool open() const { return open_; }

  bool Send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (n < 0 && !Await(POLLOUT)) return false;
      if (n > 0) sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  // What has come; empty: the other side has closed; nothing: it says nothing, in time.
  std::optional<std::string> Receive() {
    char bytes[4096];
    while (Await(POLLIN)) {
      const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
      if (n >= 0) return std::string(bytes, static_cast<std::size_t>(n));
      if (errno == ECONNRESET) return "";
      if (errno != EAGAIN && errno != EINTR) break;
    }
    return std::nullopt;
  }

 private:
  bool Await(short events) {
    pollfd waits[] = {{fd_, events, 0}, {interrupt_.fd(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
    return left > 0 && poll(waits, 2, static_cast<int>(left)) > 0 && waits[1].revents == 0;
  }

  const int fd_;
  const Interrupt& interrupt_;
  const Clock::time_point until_;
  bool open_ = false;
};

// What is wrong, as the handshake tells, or as the server does in what it sends after it. OK: nothing, or who knows.
absl::Status TryTls(Line& line, TlsSession& session) {
  bool agreed = false;
  while (true) {
    if (!agreed) {
      EDL_ASSIGN_OR_RETURN(agreed, session.Handshake());
    } else {
      char bytes[256];
      EDL_ASSIGN_OR_RETURN(const std::size_t size, session.Read(bytes, sizeof bytes));
      if (size > 0) return absl::OkStatus();
    }
    if (!line.Send(session.TakeOutput())) return absl::OkStatus();
    const std::optional<std::string> bytes = line.Receive();
    if (!bytes) return absl::OkStatus();
    if (bytes->empty()) return agreed ? session.Closed() : absl::OkStatus();
    EDL_RETURN_IF_ERROR(session.Feed(bytes->data(), bytes->size()));
  }
}

// To a client's hello, a TLS server answers with one of its own (22) or with an alert (21).
bool AnswersTls(Line& line, TlsSession& session) {
  if (!session.Handshake().ok() || !line.Send(session.TakeOutput())) return false;
  const std::string bytes = line.Receive().value_or("");
  return bytes.size() > 1 && (bytes[0] == 22 || bytes[0] == 21) && bytes[1] == 3;
}

}  // namespace

bool IsWorthDiagnosing(const absl::Status& status, const std::string& endpoint) {
  return absl::IsUnavailable(status) && absl::StartsWith(status.message(), "failed to connect to all addresses") &&
         !absl::StrContains(status.message(), "Failed to connect to remote host") &&
         AddressIn(status.message(), endpoint);
}

absl::Status DiagnoseTls(const absl::Status& status, const std::string& endpoint, const ClientSecurity& security,
                         const Interrupt& interrupt) {
  const std::optional<SocketAddress> address = AddressIn(status.message(), endpoint);
  if (!address || !interrupt.ok()) return status;
  auto session = TlsSession::Create(security.tls(), EndpointHost(endpoint), "h2");
  if (!session.ok()) {
    // Its files were good when the client was made.
    return absl::UnavailableError(absl::StrCat("TLS: ", session.status().message()));
  }
  Line line(*address, interrupt);
  if (!line.open()) return status;
  if (!security.SpeaksTlsTo(endpoint)) {
    if (!AnswersTls(line, **session)) return status;
    return absl::UnauthenticatedError(
        "it speaks TLS, and was spoken to without: list it as grpcs://host:port, or set the TLS options");
  }
  const absl::Status found = TryTls(line, **session);
  return absl::IsUnauthenticated(found) ? Annotate(found, "TLS") : status;
}

}  // namespace edl
