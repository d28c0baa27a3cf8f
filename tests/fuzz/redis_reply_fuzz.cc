// SPDX-License-Identifier: Apache-2.0
// Redis' replies: whatever is at the other end of the connection, and says so in whatever bytes.
// Input: one byte what is asked of the registry, then all that the server says until it closes the connection.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/endpoint.h"
#include "src/base/log.h"
#include "src/registry/redis_connection.h"
#include "src/registry/registry_store.h"
#include "src/registry/registry_view.h"
#include "tests/fuzz/fuzz_input.h"

namespace edl {
namespace {

class LoopbackListener {
 public:
  LoopbackListener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    Require(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd_, 8) == 0 &&
                getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
            "a socket can listen");
    port_ = ntohs(address.sin_port);
  }

  int port() const { return port_; }

  // Everything is said before anything is asked, so that one thread is enough.
  int AcceptAndSay(const std::string& bytes) const {
    const int fd = accept(fd_, nullptr, nullptr);
    Require(fd >= 0, "a connection can be accepted");
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    static_cast<void>(sent);  // the rest of what does not fit the socket is lost with the connection
    shutdown(fd, SHUT_WR);
    return fd;
  }

 private:
  const int fd_;
  int port_ = 0;
};

void CheckNews(const RegistryNews& news) {
  RegistryView view;
  view.Apply(news);
  for (const auto& [endpoint, teacher] : view.teachers()) {
    Require(CheckEndpoint(endpoint).ok(), "a teacher has an endpoint");
    Require(teacher.weight >= 1 && teacher.weight <= kHeaviestTeacher, "a teacher has a weight");
  }
}

absl::Status Ask(RedisConnection& redis, int question) {
  RegistryStore store(redis, "service");
  TeacherLease lease{"127.0.0.1:1", "id", 0, TeacherState::kServing, "m", "", 1};
  ForeignScan scan;
  switch (question) {
    case 0: {
      absl::StatusOr<RegistryNews> news = store.Read(1);
      if (news.ok()) CheckNews(*news);
      return news.status();
    }
    case 1:
      return store.RenewTeacher(lease, std::chrono::seconds(6)).status();
    case 2:
      return store.RenewStudent("student/1", std::chrono::seconds(6)).status();
    case 3:
      return store.ListForeignTeachers(scan, "student/1", std::chrono::seconds(2));
    default:
      return redis.AwaitMessage(std::chrono::steady_clock::now()).status();
  }
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const LoopbackListener& listener = *new LoopbackListener;
  static const Interrupt& interrupt = *new Interrupt;
  static const bool quiet = (Log().set_level(spdlog::level::off), true);
  static_cast<void>(quiet);
  FuzzInput input(data, size);
  const int question = input.Byte() % 5;
  // A command that is never answered waits for so long; the server has closed the connection by then.
  const RedisTimeouts timeouts{std::chrono::seconds(10), std::chrono::seconds(10)};
  absl::StatusOr<std::unique_ptr<RedisConnection>> redis =
      RedisConnection::Dial({"127.0.0.1", listener.port()}, timeouts, interrupt);
  Require(redis.ok(), "a connection can be made");
  const int server = listener.AcceptAndSay(input.Rest());
  const absl::Status status = Ask(**redis, question);
  Require(!(*redis)->broken() || !status.ok(), "a broken connection is an error");
  // Without the wait that a closed port begins: there are many runs, and not so many ports.
  const linger now{1, 0};
  setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(server);
  return 0;
}
