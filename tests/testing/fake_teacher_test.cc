// SPDX-License-Identifier: Apache-2.0
#include "edl/testing/fake_teacher.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/wire_client.h"

namespace edl::testing {
namespace {

ModelInfo DoublerInfo() {
  return {"doubler", "1", "fake", {{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1, 2}}}};
}

absl::StatusOr<std::vector<Tensor>> Double(const std::vector<Tensor>& inputs) {
  const float* x = inputs[0].data_as<float>();
  std::vector<float> y(inputs[0].element_count());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = 2 * x[i];
  absl::StatusOr<Tensor> tensor = Tensor::FromVector<float>(inputs[0].shape(), std::move(y));
  if (!tensor.ok()) return tensor.status();
  return std::vector<Tensor>{*tensor};
}

inference::ModelInferRequest Request(const std::vector<float>& values) {
  inference::ModelInferRequest request;
  request.set_model_name("doubler");
  AddRaw(request, "x", "FP32", {static_cast<std::int64_t>(values.size() / 2), 2}, values);
  return request;
}

TEST(FakeTeacher, AnswersWithItsFunctionAndCountsCallsAndRows) {
  auto teacher = FakeTeacher::Start(DoublerInfo(), Double);
  ASSERT_TRUE(teacher.ok()) << teacher.status();
  WireClient client((*teacher)->endpoint());
  inference::ModelInferResponse reply;
  grpc::Status status = client.Infer(Request({1, 2, 3, 4, 5, 6}), &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(RawOutput<float>(reply, 0), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  ASSERT_TRUE(client.Infer(Request({1, 2})).ok());
  EXPECT_EQ((*teacher)->calls(), 2);
  EXPECT_EQ((*teacher)->rows(), 4);
}

TEST(FakeTeacher, PassesTheFunctionsStatusOn) {
  auto teacher = FakeTeacher::Start(DoublerInfo(), [](const auto&) { return absl::AbortedError("not today"); });
  grpc::Status status = WireClient((*teacher)->endpoint()).Infer(Request({1, 2}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "not today");
}

TEST(FakeTeacher, ListensOnAUnixSocket) {
  std::string address = "unix:" + ::testing::TempDir() + "/edl_fake_teacher_test.sock";
  FakeTeacherOptions options;
  options.listen = address;
  auto teacher = FakeTeacher::Start(DoublerInfo(), Double, options);
  ASSERT_TRUE(teacher.ok()) << teacher.status();
  EXPECT_EQ((*teacher)->endpoint(), address);
  EXPECT_TRUE(WireClient(address).Infer(Request({1, 2})).ok());
}

TEST(FakeTeacher, DelaysTheReply) {
  FakeTeacherOptions options;
  options.delay = [](const std::vector<Tensor>& inputs) { return std::chrono::milliseconds(20) * inputs[0].rows(); };
  auto teacher = FakeTeacher::Start(DoublerInfo(), Double, options);
  WireClient client((*teacher)->endpoint());
  auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.Infer(Request({1, 2, 3, 4})).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(40));
}

TEST(FakeTeacher, DyingWaitsForNoDelayAndFailsWhatItHad) {
  FakeTeacherOptions options;
  options.delay = [](const auto&) { return std::chrono::hours(1); };
  auto teacher = FakeTeacher::Start(DoublerInfo(), Double, options).value();
  WireClient client(teacher->endpoint());
  grpc::Status status;
  std::thread caller([&] { status = client.Infer(Request({1, 2})); });
  while (teacher->calls() == 0) std::this_thread::yield();
  teacher.reset();
  caller.join();
  EXPECT_TRUE(status.error_code() == grpc::StatusCode::UNAVAILABLE ||
              status.error_code() == grpc::StatusCode::CANCELLED)
      << status.error_code() << " " << status.error_message();
}

TEST(FakeTeacher, ComputesAsManyRequestsAtATimeAsItHasInstances) {
  std::atomic<int> inside{0};
  FakeTeacherOptions options;
  options.instances = 2;
  // Each call waits until both are inside: with fewer instances neither would ever return.
  auto meet = [&](const std::vector<Tensor>& inputs) {
    ++inside;
    while (inside < 2) std::this_thread::yield();
    return Double(inputs);
  };
  auto teacher = FakeTeacher::Start(DoublerInfo(), meet, options).value();
  WireClient client(teacher->endpoint());
  grpc::Status other;
  std::thread caller([&] { other = client.Infer(Request({1, 2})); });
  EXPECT_TRUE(client.Infer(Request({3, 4})).ok());
  caller.join();
  EXPECT_TRUE(other.ok());
}

}  // namespace
}  // namespace edl::testing
