// SPDX-License-Identifier: Apache-2.0
// RedisProcess: a real redis-server, or sentinel, on a free port of this machine, that a test stops, kills, restarts.
// Lifetime: the process and its folder go with this object.
// Thread-safety: one thread at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "edl/testing/teacher_process.h"
#include "gtest/gtest.h"
#include "src/registry/redis_connect.h"

namespace edl::test {

class RedisProcess {
 public:
  // `settings`: lines of redis.conf. Serves when it returns.
  explicit RedisProcess(std::vector<std::string> settings = {}, bool sentinel = false)
      : settings_(std::move(settings)), sentinel_(sentinel) {
    std::string pattern = (std::filesystem::temp_directory_path() / "edl-redis-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    for (int attempt = 0; attempt < 10 && process_ == nullptr; ++attempt) {
      port_ = FreePort();
      Start();
    }
    EXPECT_NE(process_, nullptr) << "redis-server did not start; see " << folder_ << "/log";
  }
  ~RedisProcess() {
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  int port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  void Kill() { process_->Kill(); }
  void Pause() { process_->Pause(); }
  void Resume() { process_->Resume(); }
  // On the same port, with what its last SAVE wrote.
  void Restart() {
    process_.reset();
    Start();
    EXPECT_NE(process_, nullptr);
  }
  void RestartEmpty() {
    process_.reset();
    std::filesystem::remove(folder_ + "/dump.rdb");
    Restart();
  }

  // A command, over a connection of its own; `as`: another address of this server (user, password, database).
  absl::StatusOr<RedisReply> TryCall(const std::vector<std::string>& words, const std::string& as = "") {
    Interrupt interrupt;
    auto redis = ConnectToRedis(RedisAddress::Parse(as.empty() ? url() : as).value(),
                                {std::chrono::seconds(10), std::chrono::seconds(10)}, interrupt);
    if (!redis.ok()) return redis.status();
    return (*redis)->Call(words);
  }
  RedisReply Call(const std::vector<std::string>& words, const std::string& as = "") {
    auto reply = TryCall(words, as);
    EXPECT_TRUE(reply.ok()) << words[0] << ": " << reply.status();
    return reply.value_or(RedisReply{});
  }
  std::string Field(const std::string& key, const std::string& field) { return Call({"HGET", key, field}).text; }
  std::vector<std::string> Members(const std::string& sorted_set) {
    std::vector<std::string> members;
    for (const RedisReply& member : Call({"ZRANGE", sorted_set, "0", "-1"}).elements) members.push_back(member.text);
    return members;
  }

 private:
  // Below the ports that the system hands out to clients, so that none of those takes it between two runs.
  static int FreePort() {
    std::random_device random;
    while (true) {
      const int port = 20'000 + static_cast<int>(random() % 12'000);
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<std::uint16_t>(port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      close(fd);
      if (is_free) return port;
    }
  }

  void Start() {
    const std::string socket = folder_ + "/socket";
    const std::string config = folder_ + "/redis.conf";
    if (!std::filesystem::exists(config) || !sentinel_) {  // a sentinel writes into its own
      std::ofstream out(config);
      out << "port " << port_ << "\nbind 127.0.0.1\nunixsocket " << socket << "\ndir " << folder_ << "\nlogfile "
          << folder_ << "/log\nsave \"\"\n";
      for (const std::string& line : settings_) out << line << "\n";
    }
    std::filesystem::remove(socket);
    // TeacherProcess waits for such a line. The socket is asked, since another's server might have the port.
    const std::string script = "(i=0; while [ $i -lt 200 ]; do redis-cli -s " + socket +
                               " ping >/dev/null 2>&1 && echo serving redis at 127.0.0.1:" + std::to_string(port_) +
                               " && exit; i=$((i+1)); sleep 0.02; done) & exec " +
                               (sentinel_ ? "redis-sentinel " : "redis-server ") + config + " >/dev/null";
    auto process = testing::TeacherProcess::Start({"/bin/sh", "-c", script});
    if (process.ok()) process_ = *std::move(process);
  }

  const std::vector<std::string> settings_;
  const bool sentinel_;
  std::string folder_;
  int port_ = 0;
  std::unique_ptr<testing::TeacherProcess> process_;
};

// Looks again and again until it is so; a failure after half a minute.
template <typename Condition>
void Eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never came";
    usleep(2000);
  }
}

}  // namespace edl::test
