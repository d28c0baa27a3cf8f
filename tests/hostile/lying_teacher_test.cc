// SPDX-License-Identifier: Apache-2.0
// One of three teachers is hostile: whatever it answers, the student goes on with the other two, gets no wrong row and
// keeps its memory, and the liar is used again once it is honest.
#include <functional>
#include <limits>
#include <utility>

#include "gmock/gmock.h"
#include "tests/support/hostile_teacher.h"
#include "tests/support/memory_peak.h"
#include "tests/support/student.h"
#include "tests/support/tcp_proxy.h"

namespace edl {
namespace {

using test::Act;
using test::HostileTeacher;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMegabyte = std::size_t{1} << 20;

// An answer to a method, and what is said of it.
struct Attack {
  const char* name;
  std::function<Act(const std::string& request)> act;
};

// A right reply that something is done to.
std::function<Act(const std::string&)> Spoilt(std::function<void(inference::ModelInferResponse&)> spoil) {
  return [spoil = std::move(spoil)](const std::string& request) {
    inference::ModelInferResponse reply = HostileTeacher::RightReply(request);
    spoil(reply);
    return Act{{reply.SerializePartialAsString()}};
  };
}

std::function<Act(const std::string&)> Bytes(std::string bytes) {
  return [bytes = std::move(bytes)](const std::string&) { return Act{{bytes}}; };
}

std::function<Act(const std::string&)> Says(grpc::StatusCode code, const std::string& message) {
  return [=](const std::string&) {
    Act act;
    act.status = {code, message};
    return act;
  };
}

void SetShape(inference::ModelInferResponse& reply, const std::vector<std::int64_t>& shape) {
  reply.mutable_outputs(0)->clear_shape();
  for (std::int64_t d : shape) reply.mutable_outputs(0)->add_shape(d);
}

// A field that many times, each empty: two bytes become an object.
std::string Many(int count, int field) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += {static_cast<char>(field << 3 | 2), '\0'};
  return bytes;
}

constexpr int kOutputs = inference::ModelInferResponse::kOutputsFieldNumber;
constexpr int kRawContents = inference::ModelInferResponse::kRawOutputContentsFieldNumber;

// Bytes that were made once: a million objects for each reply would be most of the memory that is measured.
void AppendToOutput(inference::ModelInferResponse& reply, const std::string& more) {
  const std::string output = reply.outputs(0).SerializeAsString() + more;
  reply.clear_outputs();
  reply.GetReflection()->MutableUnknownFields(&reply)->AddLengthDelimited(kOutputs, output);
}

std::string NotUtf8(std::string message) {
  const std::size_t at = message.find("score");
  return message.replace(at, 2, "\xff\xfe");
}

// What a reply to rows can be.
std::vector<Attack> Replies() {
  constexpr int kMillion = 1'000'000;
  inference::ModelInferResponse::InferOutputTensor parameters, typed;
  for (int i = 0; i < kMillion; ++i) (*parameters.mutable_parameters())[std::to_string(i)];
  for (int i = 0; i < kMillion; ++i) typed.mutable_contents()->add_bytes_contents();
  return {
      {"a shape whose product overflows", Spoilt([](auto& r) {
         SetShape(r, {kHuge, kHuge});
       })},
      {"a shape whose bytes overflow to the right number", Spoilt([](auto& r) {
         SetShape(r, {std::int64_t{1} << 61, 3});
       })},
      {"a shape that overflows to the right product", Spoilt([](auto& r) {
         SetShape(r, {r.outputs(0).shape(0), 3, std::int64_t{1} << 32, std::int64_t{1} << 32});
       })},
      {"a negative dimension", Spoilt([](auto& r) {
         SetShape(r, {-r.outputs(0).shape(0), -3});
       })},
      {"a shape of a million dimensions", Spoilt([](auto& r) { SetShape(r, std::vector<std::int64_t>(kMillion, 1)); })},
      {"a million outputs", Bytes(Many(kMillion, kOutputs))},
      {"a million outputs before the right one",
       [](const std::string& request) {
         return Act{{Many(kMillion, kOutputs) + HostileTeacher::RightReply(request).SerializeAsString()}};
       }},
      {"a million entries of raw contents",
       [](const std::string& request) {
         return Act{{HostileTeacher::RightReply(request).SerializeAsString() + Many(kMillion, kRawContents)}};
       }},
      {"a million parameters", Spoilt([bytes = parameters.SerializeAsString()](auto& r) { AppendToOutput(r, bytes); })},
      {"a million typed elements in place of raw ones", Spoilt([bytes = typed.SerializeAsString()](auto& r) {
         r.clear_raw_output_contents();
         AppendToOutput(r, bytes);
       })},
      {"the right output twice, and differently", Spoilt([](auto& r) {
         *r.add_outputs() = r.outputs(0);
         r.mutable_raw_output_contents()->Add(std::string(r.raw_output_contents(0).size(), '\0'));
         r.mutable_raw_output_contents()->SwapElements(0, 1);
       })},
      {"a name that is not UTF-8",
       [](const std::string& request) {
         return Act{{NotUtf8(HostileTeacher::RightReply(request).SerializeAsString())}};
       }},
      {"a name that steers a terminal", Spoilt([](auto& r) { r.mutable_outputs(0)->set_name("\x1b[31mscore"); })},
      {"a name of ten megabytes",
       Spoilt([](auto& r) { r.mutable_outputs(0)->set_name(std::string(10 * kMegabyte, 'n')); })},
      {"a raw entry that says it has four gigabytes", Bytes(std::string("\x32\xff\xff\xff\xff\x0f", 6))},
      {"an output in shared memory", Spoilt([](auto& r) {
         (*r.mutable_outputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("edl");
         r.clear_raw_output_contents();
       })},
      {"more bytes than a reply may have",
       Spoilt([](auto& r) { r.add_raw_output_contents()->assign(20 * kMegabyte, '\0'); })},
      {"fifty megabytes of zeros, compressed",
       [](const std::string& request) {
         inference::ModelInferResponse reply = HostileTeacher::RightReply(request);
         reply.add_raw_output_contents()->assign(50 * kMegabyte, '\0');
         Act act{{reply.SerializeAsString()}};
         act.gzip = true;
         return act;
       }},
      {"a second message",
       [](const std::string& request) {
         const std::string right = HostileTeacher::RightReply(request).SerializeAsString();
         return Act{{Many(1, kOutputs), right, right}};
       }},
      {"a stream without an end",
       [](const std::string&) {
         Act act;
         act.messages = {std::string(kMegabyte, 'x')};
         act.endless = true;
         return act;
       }},
      {"no message at all", [](const std::string&) { return Act{}; }},
      {"trailers of a hundred kilobytes",
       [](const std::string& request) {
         Act act{{HostileTeacher::RightReply(request).SerializeAsString()}};
         for (int i = 0; i < 100; ++i) act.trailers.emplace_back("k" + std::to_string(i), std::string(1000, 'v'));
         return act;
       }},
  };
}

// Statuses that would end a training if one teacher's word were enough.
std::vector<Attack> Statuses() {
  return {
      {"INVALID_ARGUMENT", Says(grpc::StatusCode::INVALID_ARGUMENT, "I do not take this")},
      {"OUT_OF_RANGE", Says(grpc::StatusCode::OUT_OF_RANGE, "")},
      {"ALREADY_EXISTS", Says(grpc::StatusCode::ALREADY_EXISTS, "")},
      {"too large", Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)")},
      {"INTERNAL", Says(grpc::StatusCode::INTERNAL, "boom\n\x1b[31m and not UTF-8: \xff")},
      {"a pushback of a thousand years",
       [](const std::string&) {
         Act act;
         act.status = {grpc::StatusCode::UNAVAILABLE, "later"};
         act.trailers = {{"grpc-retry-pushback-ms", "31536000000000"}};
         return act;
       }},
  };
}

HostileTeacher::Script To(const std::string& attacked, const Attack& attack) {
  return [attacked, act = attack.act](const std::string& method, const std::string& request) {
    return method == attacked ? act(request) : HostileTeacher::Honest(method, request);
  };
}

class LyingTeacher : public ::testing::Test {
 protected:
  LyingTeacher() {
    for (int t = 0; t < 2; ++t) good_.push_back(test::StartTeacher());
  }

  std::unique_ptr<TeacherWatcher> Teachers() const {
    return FixedTeachers({good_[0]->endpoint(), good_[1]->endpoint(), liar_.endpoint()});
  }

  static ReaderOptions Options() {
    ReaderOptions options = test::RowOptions();
    options.max_reply_bytes = 16 * kMegabyte;
    options.attempt_timeout = std::chrono::milliseconds(1000);  // what never ends costs no more
    return options;
  }

  // The student learns on under the attack, and takes the teacher back after it.
  void Survives(test::Student& student, const std::string& method, const Attack& attack) {
    SCOPED_TRACE(attack.name);
    const int attacks = liar_.attacks();
    const std::int64_t failed = student.lane(liar_.endpoint()).failed;
    liar_.set_script(To(method, attack));
    ASSERT_TRUE(student.Await("the attack", [&] { return liar_.attacks() > attacks; }));
    ASSERT_TRUE(student.Await("it is found out", [&] {
      const LaneStats lane = student.lane(liar_.endpoint());
      return lane.failed > failed || lane.state != "ready";
    }));
    ASSERT_TRUE(student.AwaitRows(500));
    liar_.set_script(HostileTeacher::Honest);
  }

  std::vector<std::unique_ptr<testing::FakeTeacher>> good_;
  HostileTeacher liar_;
};

TEST_F(LyingTeacher, WhateverItRepliesIsNeverTakenForASoftLabelAndCostsLittleMemory) {
  test::Student student(Teachers(), Options());
  ASSERT_TRUE(student.AwaitAllReady());
  for (const Attack& attack : Replies()) {
    const test::MemoryPeak peak;
    ASSERT_NO_FATAL_FAILURE(Survives(student, "ModelInfer", attack));
    EXPECT_LT(peak.Megabytes(), 800) << attack.name;  // this process is the liar's, too
    ASSERT_TRUE(student.AwaitAllReady()) << attack.name;
  }
  for (const auto& teacher : good_) EXPECT_EQ(student.lane(teacher->endpoint()).bad_replies, 0);
}

TEST_F(LyingTeacher, ItsWordAloneEndsNoTraining) {
  for (const Attack& attack : Statuses()) {
    test::Student student(Teachers(), Options());
    ASSERT_TRUE(student.AwaitAllReady());
    ASSERT_NO_FATAL_FAILURE(Survives(student, "ModelInfer", attack));
  }
}

TEST_F(LyingTeacher, ItsWordEndsNoTrainingEvenWhenItIsTheFirstThatAnswers) {
  for (const Attack& attack : Statuses()) {
    SCOPED_TRACE(attack.name);
    liar_.set_script(To("ModelInfer", attack));
    test::TcpProxy late(good_[0]->endpoint());
    late.Stall();
    test::Student student(FixedTeachers({liar_.endpoint(), late.endpoint()}), Options());
    const int attacks = liar_.attacks();
    ASSERT_TRUE(student.Await("the attack", [&] { return liar_.attacks() > attacks; }));
    late.Flow();
    ASSERT_TRUE(student.AwaitRows(500));
  }
}

// What a probe is told.
TEST_F(LyingTeacher, WhateverItSaysOfItselfOnlyCostsItsOwnUse) {
  auto metadata = [](std::function<void(inference::ModelMetadataResponse&)> spoil) {
    inference::ModelMetadataResponse proto = HostileTeacher::RightMetadata();
    spoil(proto);
    return Bytes(proto.SerializePartialAsString());
  };
  const std::vector<Attack> attacks = {
      {"a million outputs", metadata([](auto& m) {
         for (int i = 0; i < 1'000'000; ++i) m.add_outputs();
       })},
      {"a name that is not UTF-8", Bytes(NotUtf8(HostileTeacher::RightMetadata().SerializeAsString()))},
      {"a name of a hundred megabytes", metadata([](auto& m) { m.set_name(std::string(100 * kMegabyte, 'n')); })},
      {"a shape of a million dimensions", metadata([](auto& m) {
         for (int i = 0; i < 1'000'000; ++i) m.mutable_outputs(0)->add_shape(kHuge);
       })},
      {"rows of more bytes than there are", metadata([](auto& m) { m.mutable_outputs(0)->set_shape(1, kHuge); })},
      {"the same input twice", metadata([](auto& m) { *m.add_inputs() = m.inputs(0); })},
      {"no outputs", metadata([](auto& m) { m.clear_outputs(); })},
      {"a stream without an end",
       [](const std::string&) {
         Act act;
         act.messages = {std::string(kMegabyte, 'x')};
         act.endless = true;
         return act;
       }},
  };
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(attack.name);
    liar_.set_script(To("ModelMetadata", attack));
    const int before = liar_.attacks();
    const test::MemoryPeak peak;
    test::Student student(Teachers(), Options());
    ASSERT_TRUE(student.Await("the attack", [&] { return liar_.attacks() > before + 1; }));
    ASSERT_TRUE(student.AwaitRows(500));
    EXPECT_NE(student.lane(liar_.endpoint()).state, "ready");
    EXPECT_EQ(student.lane(liar_.endpoint()).completed, 0);
    EXPECT_LT(peak.Megabytes(), 800);
  }
}

}  // namespace
}  // namespace edl
