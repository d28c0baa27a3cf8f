// SPDX-License-Identifier: Apache-2.0
// RedisProcess: edl::testing::RedisProcess, whose faults are the test's, and which can be asked what it holds.
// Thread-safety: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edl/testing/redis_process.h"
#include "gtest/gtest.h"
#include "src/registry/redis_connect.h"

namespace edl::test {

class RedisProcess {
 public:
  explicit RedisProcess(std::vector<std::string> settings = {}, bool sentinel = false) {
    auto process = testing::RedisProcess::Start(std::move(settings),
                                                sentinel ? testing::RedisKind::kSentinel : testing::RedisKind::kServer);
    EXPECT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }

  int port() const { return process_->port(); }
  std::string url() const { return process_->url(); }

  void Kill() { process_->Kill(); }
  void Pause() { process_->Pause(); }
  void Resume() { process_->Resume(); }
  void Restart() { Expect(process_->Restart()); }
  void RestartEmpty() { Expect(process_->RestartEmpty()); }

  // A command, over a connection of its own; `as`: another address of this server (user, password, database).
  absl::StatusOr<RedisReply> TryCall(const std::vector<std::string>& words, const std::string& as = "") {
    Interrupt interrupt;
    auto redis = ConnectToRedis(RedisAddress::Parse(as.empty() ? url() : as).value(),
                                {std::chrono::seconds(60), std::chrono::seconds(60)}, interrupt);
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
  static void Expect(const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }

  std::unique_ptr<testing::RedisProcess> process_;
};

}  // namespace edl::test
