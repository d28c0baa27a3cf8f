// SPDX-License-Identifier: Apache-2.0
// GarbageTeacher: a gRPC server that says it serves the model of tests/support/rows.h, and answers requests in ways
// that no server of ours would; or rightly.
// Thread-safety: any thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>

namespace grpc {
class Server;
}

namespace edl::test {

enum class Answer {
  kRight,
  kRowTooMany,
  kRowMissing,
  kOtherDtype,
  kOtherRowShape,
  kBytesMissing,
  kNoOutput,
  kOtherOutput,
  kOtherModel,
  kNotProtobuf,
};

class GarbageTeacher {
 public:
  GarbageTeacher();
  ~GarbageTeacher();

  const std::string& endpoint() const { return endpoint_; }
  void set_answer(Answer answer) { answer_ = answer; }
  // Requests that were not answered rightly.
  int garbage_given() const { return garbage_given_; }

 private:
  class Service;

  std::atomic<Answer> answer_{Answer::kRight};
  std::atomic<int> garbage_given_{0};
  std::string endpoint_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace edl::test
