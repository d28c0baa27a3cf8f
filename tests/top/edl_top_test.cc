// SPDX-License-Identifier: Apache-2.0
// The program edl-top: in a real terminal, beside a real registry, real teachers and a real student.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "edl/testing/teacher_process.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/support/eventually.h"
#include "tests/support/rows.h"
#include "tests/support/tmux.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::Eventually;
using test::RedisProcess;
using test::Tmux;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TeacherProcess;

std::pair<std::string, int> Output(const std::string& arguments) {
  FILE* pipe = popen((std::string(EDL_TOP) + " " + arguments + " 2>&1 </dev/null").c_str(), "r");
  std::string text;
  char part[512];
  while (fgets(part, sizeof part, pipe) != nullptr) text += part;
  return {text, WEXITSTATUS(pclose(pipe))};
}

// Two teachers in processes of their own, one of them with numbers, and a student that reads from them all the time.
class Fleet {
 public:
  Fleet() {
    for (int i = 0; i < 2; ++i) {
      auto teacher = TeacherProcess::Start({LINEAR_TEACHER, "0", "500"});
      EXPECT_TRUE(teacher.ok()) << teacher.status();
      teachers_.push_back(*std::move(teacher));
    }
    auto registered = TeacherProcess::Start(
        {EDL_REGISTER, "--redis", redis_.url(), "--service", "rows", "--endpoint", endpoint(0), "--model", "rows"});
    EXPECT_TRUE(registered.ok()) << registered.status();
    register_ = *std::move(registered);
    LeaseOptions options;
    options.redis = redis_.url();
    options.service = "rows";
    options.endpoint = endpoint(1);
    options.numbers = [] {
      return std::string("{\"role\":\"teacher\",\"model\":\"rows\",\"device\":\"cuda:7\",\"rows_per_s\":12345}");
    };
    auto lease = LeaseKeeper::Start(options, nullptr);
    EXPECT_TRUE(lease.ok()) << lease.status();
    lease_ = *std::move(lease);
    EXPECT_TRUE(lease_->AwaitListed(seconds(30)).ok());
    student_ = std::thread([this] {
      auto reader = test::NewReader(test::BatchesOf(1'000'000, 8), RedisTeachers({redis_.url(), "rows"}));
      while (!stop_ && reader->Next().ok()) {
      }
    });
  }
  ~Fleet() {
    stop_ = true;
    student_.join();
  }

  RedisProcess& redis() { return redis_; }
  const std::string& endpoint(std::size_t teacher) { return teachers_[teacher]->endpoint(); }

 private:
  RedisProcess redis_;
  std::vector<std::unique_ptr<TeacherProcess>> teachers_;
  std::unique_ptr<TeacherProcess> register_;
  std::unique_ptr<LeaseKeeper> lease_;
  std::atomic<bool> stop_{false};  // written by the test, read by the student
  std::thread student_;
};

TEST(EdlTop, ShowsAFleetLiveInATerminalOf80By24) {
  Fleet fleet;
  Tmux terminal(std::string(EDL_TOP) + " --interval 0.2 --redis " + fleet.redis().url(), 80, 24);
  terminal.Await("2 of 2 teachers serve, 12k rows/s; 1 student");
  terminal.Await(fleet.endpoint(0));
  terminal.Await(fleet.endpoint(1));
  terminal.Await("cuda:7");
  terminal.Await("q quit");

  terminal.Press("5");  // by rows/s
  const std::string first = "ERR STUD\n" + fleet.endpoint(1);
  terminal.Await(first);
  terminal.Press("/");
  terminal.Press("-l cuda");
  terminal.Await("Show what holds: cuda_");
  terminal.Await("TEACHER 1-1/1");
  EXPECT_THAT(terminal.Text(), Not(HasSubstr(fleet.endpoint(0) + " ")));
  terminal.Press("Escape");
  terminal.Await(fleet.endpoint(0));

  terminal.Press("Tab");
  terminal.Press("Enter");
  terminal.Await("of its time: for teachers");
  terminal.Await("MEAN ms");
  terminal.Await("ready");
  terminal.Press("Escape");
  terminal.Press("'?'");
  terminal.Await("previous service");
  terminal.Press("Escape");
  terminal.Await("q quit  ? help");

  terminal.Resize(60, 10);
  terminal.Await("ROWS/S");
  Eventually([&] { return terminal.Text().find("P50ms") == std::string::npos; });
  terminal.Resize(120, 30);
  terminal.Await("P50ms");
  terminal.Press("q");
  terminal.Await("ended with 0");
}

TEST(EdlTop, SaysThatRedisIsAwayAndGoesOnWhenItIsBack) {
  Fleet fleet;
  Tmux terminal(std::string(EDL_TOP) + " --interval 0.2 --redis " + fleet.redis().url(), 80, 24);
  terminal.Await("2 of 2 teachers serve");
  fleet.redis().Kill();
  terminal.Await("Redis at 127.0.0.1:" + std::to_string(fleet.redis().port()));
  EXPECT_THAT(terminal.Text(), HasSubstr(fleet.endpoint(0)));
  fleet.redis().RestartEmpty();
  terminal.Await("2 of 2 teachers serve");
  terminal.Press("C-c");
  terminal.Await("ended with 0");
}

TEST(EdlTop, NothingInRedisReachesTheTerminalAsACommand) {
  RedisProcess redis;
  const std::string evil = "evil\x1b[2J\x1b]0;owned\x07\r\n\u009b31m\u202e";
  redis.Call({"SET", "/service/s/version", "1"});
  redis.Call({"ZADD", "/service/s/teachers", "99999999999999", "t-" + evil});
  redis.Call({"HSET", "/service/s/nodes/t-" + evil, "model", "m-" + evil});
  redis.Call({"ZADD", "/service/s/teachers", "99999999999999", "z:1"});
  redis.Call({"HSET", "/service/s/nodes/z:1", "model", "m-" + evil});
  redis.Call({"ZADD", "/service/s/students", "99999999999999", "s-" + evil});
  redis.Call({"ZADD", "/service/s/students", "99999999999999", "z:1:x/0"});
  redis.Call({"SET", "/service/s/numbers/z:1:x/0", "{\"verdict\":\"v-\\u001b[2J\\u0007\"}"});
  Tmux terminal(std::string(EDL_TOP) + " --redis " + redis.url(), 120, 24);
  terminal.Await("t-evil?[2J?]0;owned???");
  EXPECT_THAT(terminal.Text(), AllOf(HasSubstr("m-evil?[2J"), HasSubstr("s-evil?[2J"), HasSubstr("v-?[2J?")));
  EXPECT_THAT(terminal.Text(),
              AllOf(HasSubstr("1 of 2 teachers serve"), HasSubstr("left out"), HasSubstr("left out: expected a name")));
  terminal.Press("Enter");
  terminal.Await("Teacher t-evil?[2J");
  terminal.Await("left out by students: 't-evil");
  for (const char* json : {"", " --json"}) {
    const std::string text = Output("--once --redis " + redis.url() + json).first;
    EXPECT_THAT(text, HasSubstr("t-evil"));
    for (unsigned char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 127)) << static_cast<int>(c);
  }
}

// A Redis, or who stands in its place, that answers whatever it is asked with an error of its own.
class RudeRedis {
 public:
  RudeRedis() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_TRUE(bind(listening_, any, size) == 0 && listen(listening_, 16) == 0 &&
                getsockname(listening_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~RudeRedis() {
    shutdown(listening_, SHUT_RDWR);  // ends accept
    thread_.join();
    close(listening_);
  }

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  void Run() const {
    for (int fd; (fd = accept(listening_, nullptr, nullptr)) >= 0; close(fd)) {
      const std::string error = "-ERR \x1b[2J\x1b]0;owned\x07 evil\r\n";
      char bytes[512];
      while (recv(fd, bytes, sizeof bytes, 0) > 0) send(fd, error.data(), error.size(), MSG_NOSIGNAL);
    }
  }

  const int listening_;
  int port_ = 0;
  std::thread thread_;
};

TEST(EdlTop, NothingThatRedisAnswersReachesTheTerminalAsACommand) {
  const RudeRedis redis;
  const auto [text, status] = Output("--once --redis " + redis.url());
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("evil"));
  for (unsigned char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 127)) << static_cast<int>(c);
}

TEST(EdlTop, PrintsTheFleetOnceAsTextAndAsJson) {
  Fleet fleet;
  json service;
  Eventually([&] {
    const json report = json::parse(Output("--once --json --redis " + fleet.redis().url()).first, nullptr, false);
    EXPECT_TRUE(report.is_object());
    if (!report.is_object() || report["services"].size() != 1) return false;
    service = report["services"][0];
    return service["students"].size() == 1 && service["students"][0].value("rows_per_s", 0.0) > 0 &&
           service["students"][0]["lanes"].size() == 2;
  });
  EXPECT_EQ(service["name"], "rows");
  EXPECT_EQ(service["students"][0]["role"], "student");
  EXPECT_GT(service["students"][0].value("rows", 0), 0);
  for (const json& lane : service["students"][0]["lanes"]) EXPECT_EQ(lane.value("failed", -1), 0) << lane;
  ASSERT_THAT(service["teachers"], SizeIs(2));
  for (const json& teacher : service["teachers"]) {
    EXPECT_EQ(teacher["state"], "serving");
    EXPECT_EQ(teacher["model"], "rows");
    EXPECT_EQ(teacher["students"], json::array({service["students"][0]["name"]}));
    EXPECT_EQ(teacher.contains("rows_per_s"), teacher["endpoint"] == fleet.endpoint(1));
  }
  const auto [text, status] = Output("--once --service rows --redis " + fleet.redis().url());
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, AllOf(HasSubstr("service rows: 2 teachers, 1 students"), HasSubstr(fleet.endpoint(0)),
                          HasSubstr("cuda:7"), HasSubstr("WAIT%")));
}

TEST(EdlTop, SaysWhatIsWrong) {
  EXPECT_THAT(Output("").first, HasSubstr("--redis is required"));
  const auto [text, status] = Output("--redis redis://:secret@h:x");
  EXPECT_EQ(status, 2);
  EXPECT_THAT(text, AllOf(HasSubstr("--redis: the Redis address has a port"), Not(HasSubstr("secret"))));
  EXPECT_THAT(Output("--redis redis://h --service a/b").first, HasSubstr("--service: 'a/b' is no name"));
  EXPECT_THAT(Output("--redis redis://h --interval 0").first, HasSubstr("--interval"));
  EXPECT_THAT(Output("--redis redis://h --json").first, HasSubstr("--json requires --once"));
  EXPECT_EQ(Output("--redis redis://h").second, 2);
  EXPECT_THAT(Output("--redis redis://h").first, HasSubstr("no terminal; --once"));
  RedisProcess redis;
  redis.Kill();
  const auto [away, failed] = Output("--once --redis " + redis.url());
  EXPECT_EQ(failed, 1);
  EXPECT_THAT(away, HasSubstr("cannot be reached"));
}

TEST(EdlTop, HelpTeaches) {
  const auto [text, status] = Output("--help");
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, AllOf(HasSubstr("edl-top --redis redis://10.0.0.1:6379 --once --json"), HasSubstr("NO_COLOR"),
                          HasSubstr("ACL SETUSER"), HasSubstr("Env:EDL_REDIS")));
}

}  // namespace
}  // namespace edl
