// SPDX-License-Identifier: Apache-2.0
// Where a reader's configuration comes from, and where its teachers listen.
#include <cstdlib>
#include <filesystem>
#include <map>

#include "gmock/gmock.h"
#include "src/reader/environment.h"
#include "src/registry/redis_teachers.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Sets a variable of this process, and takes it back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* const name_;
};

TEST(Configuration, TheEnvironmentWinsOverTheCode) {
  auto right = test::StartTeacher();
  auto unused = test::StartTeacher();
  Variable teachers("EDL_TEACHERS", " " + right->endpoint() + ",");
  Variable most("EDL_MAX_TEACHERS", "1");
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({unused->endpoint(), "127.0.0.1:1"}));
  test::ExpectEpoch(*reader, 0, 10, 4);
  EXPECT_GT(right->calls(), 0);
  EXPECT_EQ(unused->calls(), 0);
  EXPECT_THAT(reader->ConfigString(), HasSubstr("teachers = " + right->endpoint() + "\n"));
  EXPECT_THAT(reader->ConfigString(), HasSubstr("max_teachers = 1\n"));
}

TEST(Configuration, CompressionIsCheckedAndPrinted) {
  auto refusal = [](Compression compression) {
    ReaderOptions options = test::RowOptions();
    options.compression = std::move(compression);
    return std::string(options.Validate().message());
  };
  EXPECT_THAT(refusal({{{"y", {}}}, {}}), HasSubstr("compression.fields holds 'y', which is none of {x, label}"));
  EXPECT_THAT(refusal({{{"x", {DType::kInt8}}}, {}}), HasSubstr("compression.fields['x']: dtype is INT8; expected"));
  EXPECT_THAT(refusal({{{"x", {DType::kUint8, 1, 300}}}, {}}), HasSubstr("zero_point is 300; expected 0 to 255"));
  EXPECT_THAT(refusal({{}, {{"x", {}}}}), HasSubstr("compression.predictions holds 'x', which is none of {score}"));
  EXPECT_THAT(refusal({{}, {{"score", {DType::kFp32, -1}}}}), HasSubstr("top_k is -1; expected"));
  EXPECT_THAT(refusal({{{"x", {DType::kUint8, 1e38}}}, {}}), HasSubstr("scale is 1e+38; expected"));
  ReaderOptions clash = test::RowOptions();
  clash.fields.push_back("score.rest");
  clash.compression.predictions["score"].top_k = 2;
  EXPECT_THAT(
      std::string(clash.Validate().message()),
      HasSubstr("'score.rest' is the name of a field or prediction, and of what comes with the top 2 of 'score'"));

  ReaderOptions options = test::RowOptions();
  EXPECT_THAT(options.ToString(), HasSubstr("compression.fields = (none)\n"));
  options.compression = {{{"x", {DType::kUint8, 0.5, 3}}}, {{"score", {DType::kFp16, 8, Scores::kLogits, 4}}}};
  EXPECT_TRUE(options.Validate().ok()) << options.Validate();
  EXPECT_THAT(options.ToString(), HasSubstr("compression.fields = x: UINT8 x 0.5 from 3\n"));
  EXPECT_THAT(options.ToString(),
              HasSubstr("compression.predictions = score: top 8 logits at temperature 4 in FP16\n"));
}

using Variables = std::map<std::string, std::string>;

absl::Status Apply(const Variables& variables, std::unique_ptr<TeacherWatcher>& teachers) {
  ReaderOptions options;
  return ApplyEnvironment(
      [&](const char* name) -> std::optional<std::string> {
        auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      options, teachers);
}

TEST(Configuration, RedisVariablesChangeTheirOwnFieldAndNoOther) {
  RedisTeachersOptions program;
  program.redis = "redis://a:1";
  program.service = "s";
  program.missing_grace = std::chrono::milliseconds(1);
  program.poll = std::chrono::milliseconds(22);
  program.lease = std::chrono::milliseconds(333);
  program.foreign_scan = std::chrono::milliseconds(0);
  program.timeout = std::chrono::milliseconds(55);
  auto apply = [&](const Variables& variables) {
    std::unique_ptr<TeacherWatcher> teachers = RedisTeachers(program);
    const absl::Status status = Apply(variables, teachers);
    EXPECT_TRUE(status.ok()) << status;
    const RedisTeachersOptions options = *RedisOptionsOf(*teachers);
    EXPECT_EQ(options.missing_grace.count(), 1);
    EXPECT_EQ(options.poll.count(), 22);
    EXPECT_EQ(options.lease.count(), 333);
    EXPECT_EQ(options.foreign_scan.count(), 0);
    EXPECT_EQ(options.timeout.count(), 55);
    return options.redis + " " + options.service;
  };
  EXPECT_EQ(apply({}), "redis://a:1 s");
  EXPECT_EQ(apply({{"EDL_REDIS", "rediss://:pw@a:1"}}), "rediss://:pw@a:1 s");
  EXPECT_EQ(apply({{"EDL_SERVICE", "t"}}), "redis://a:1 t");
  EXPECT_EQ(apply({{"EDL_REDIS", "redis://b:1"}, {"EDL_SERVICE", "t"}}), "redis://b:1 t");
}

TEST(Configuration, OneRedisVariableAloneDoesNotStopAProgramWithTeachersOfItsOwn) {
  for (const Variables& one : {Variables{{"EDL_REDIS", "redis://a:1"}}, Variables{{"EDL_SERVICE", "s"}}}) {
    std::unique_ptr<TeacherWatcher> teachers = FixedTeachers({"a:1"});
    const absl::Status status = Apply(one, teachers);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(teachers->ToString(), "a:1");
  }
  std::unique_ptr<TeacherWatcher> teachers = FixedTeachers({"a:1"});
  ASSERT_TRUE(Apply({{"EDL_REDIS", "redis://b:1"}, {"EDL_SERVICE", "s"}}, teachers).ok());
  EXPECT_EQ(teachers->ToString(), "those of service s at redis://b:1");
}

TEST(Configuration, TlsAndTokenComeFromTheEnvironmentFieldByField) {
  ReaderOptions options = test::RowOptions();
  std::unique_ptr<TeacherWatcher> teachers = FixedTeachers({"a:1"});
  auto apply = [&](const Variables& variables) {
    auto get = [&](const char* name) {
      auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::make_optional(found->second);
    };
    return ApplyEnvironment(get, options, teachers);
  };
  ASSERT_TRUE(apply({}).ok());
  EXPECT_FALSE(options.tls);
  EXPECT_THAT(options.ToString(), HasSubstr("tls = (as each endpoint says)\ntoken_file = (none)\n"));
  ASSERT_TRUE(apply({{"EDL_TLS_CA", "/ca"}, {"EDL_TOKEN_FILE", "/t"}}).ok());
  ASSERT_TRUE(apply({{"EDL_TLS_CERT", "/c"}, {"EDL_TLS_KEY", "/k"}, {"EDL_TLS_SERVER_NAME", "n"}}).ok());
  EXPECT_THAT(options.ToString(),
              HasSubstr("tls = ca_file /ca, cert_file /c, key_file /k, server_name n\ntoken_file = /t\n"));
}

TEST(Configuration, NonsenseInTheEnvironmentIsAnError) {
  auto apply = [](const Variables& variables) {
    std::unique_ptr<TeacherWatcher> teachers;
    return Apply(variables, teachers);
  };
  EXPECT_TRUE(apply({}).ok());
  EXPECT_THAT(apply({{"EDL_MAX_TEACHERS", "many"}}).message(), HasSubstr("EDL_MAX_TEACHERS is 'many'"));
  EXPECT_THAT(apply({{"EDL_MAX_TEACHERS", "-1"}}).message(), HasSubstr("EDL_MAX_TEACHERS is '-1'"));
  EXPECT_THAT(apply({{"EDL_REDIS", "redis://a:6379"}}).message(), HasSubstr("EDL_REDIS is set without EDL_SERVICE"));
  EXPECT_THAT(apply({{"EDL_SERVICE", "s"}}).message(), HasSubstr("EDL_SERVICE is set without EDL_REDIS"));
  EXPECT_THAT(apply({{"EDL_REDIS", "redis://:secret@a:b"}, {"EDL_SERVICE", "s"}}).message(),
              AllOf(HasSubstr("EDL_REDIS: the Redis address has a port"), Not(HasSubstr("secret"))));
  EXPECT_THAT(apply({{"EDL_REDIS", "redis://a:6379"}, {"EDL_SERVICE", "a/b"}}).message(), HasSubstr("'a/b'"));
  EXPECT_TRUE(apply({{"EDL_REDIS", "redis://a:6379"}, {"EDL_SERVICE", "s"}}).ok());
  EXPECT_TRUE(apply({{"EDL_REDIS", "nonsense"}, {"EDL_TEACHERS", "a:1"}}).ok()) << "which has the last word";
}

TEST(Configuration, NoMoreTeachersThanTheMaximumAreUsed) {
  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int t = 0; t < 3; ++t) teachers.push_back(test::StartTeacher());
  ReaderOptions options = test::RowOptions();
  options.max_teachers = 2;
  auto reader = test::NewReader(test::BatchesOf(100, 4), test::Watch(teachers), options);
  test::ExpectEpoch(*reader, 0, 100, 4);
  EXPECT_EQ(teachers[2]->calls(), 0);
}

TEST(Configuration, FewerTeachersThanTheMaximumServe) {
  auto teacher = test::StartTeacher();
  ReaderOptions options = test::RowOptions();
  options.max_teachers = 50;
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), options);
  test::ExpectEpoch(*reader, 0, 10, 4);
}

TEST(Configuration, TeachersAreReachedByHostAndPortByDnsAndByUnixSocket) {
  auto tcp = test::StartTeacher();
  const std::string path =
      (std::filesystem::temp_directory_path() / ("edl-" + std::to_string(::getpid()) + ".sock")).string();
  testing::FakeTeacherOptions on_unix;
  on_unix.listen = "unix:" + path;
  auto unix_socket = test::StartTeacher(on_unix);
  const std::string port = tcp->endpoint().substr(tcp->endpoint().rfind(':'));
  for (const std::string& endpoint : {tcp->endpoint(), "dns:///localhost" + port, "localhost" + port, "unix:" + path}) {
    SCOPED_TRACE(endpoint);
    auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({endpoint}));
    test::ExpectEpoch(*reader, 0, 10, 4);
  }
}

TEST(Configuration, MessagesAreNotLimitedTo4Megabytes) {
  ModelInfo model{"echo", "1", "fake", {{"x", DType::kUint8, {-1, -1}}}, {{"score", DType::kUint8, {-1, -1}}}};
  auto teacher = test::StartTeacher({}, model, [](const std::vector<Tensor>& inputs) { return inputs; });
  constexpr std::int64_t kRow = 8 << 20;
  std::vector<Fields> batches{
      {Tensor::FromVector<std::uint8_t>({4, kRow}, std::vector<std::uint8_t>(4 * kRow, 7)).value()}};
  ReaderOptions options;
  options.fields = {"x"};
  options.predictions = {"score"};
  auto reader = test::NewReader(FromBatches(batches), FixedTeachers({teacher->endpoint()}), options);
  auto batch = reader->Next();
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ((*batch)->at("score").byte_size(), 4u * kRow);
}

}  // namespace
}  // namespace edl
