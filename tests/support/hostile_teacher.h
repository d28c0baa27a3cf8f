// SPDX-License-Identifier: Apache-2.0
// HostileTeacher: a gRPC server whose every answer, to whatever method, is what a script says, byte by byte; for a
// reader it serves the model of tests/support/rows.h until the script says otherwise.
// Thread-safety: any thread; the script is called by gRPC's threads, several at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/server.h"
#include "grpcpp/support/status.h"
#include "proto/inference.pb.h"
#include "src/base/mutex.h"

namespace edl::test {

// What is sent for one call, in this order; then the status.
struct Act {
  std::vector<std::string> messages;
  bool gzip = false;     // of each message, whatever the client says that it takes
  bool endless = false;  // the last message again and again, for as long as anybody takes it
  std::vector<std::pair<std::string, std::string>> trailers = {};
  grpc::Status status = {};
};

class HostileTeacher {
 public:
  // `method` is the last part of its path: "ModelInfer".
  using Script = std::function<Act(const std::string& method, const std::string& request)>;

  explicit HostileTeacher(Script script = Honest);
  ~HostileTeacher();

  const std::string& endpoint() const { return endpoint_; }
  void set_script(Script script);
  // Calls that were answered by any script but Honest.
  int attacks() const { return attacks_; }

  static Act Honest(const std::string& method, const std::string& request);
  // The right reply to such a request, to be spoilt.
  static inference::ModelInferResponse RightReply(const std::string& request);
  // What the model says of itself, likewise.
  static inference::ModelMetadataResponse RightMetadata();

 private:
  class Service;
  class Call;

  Act Ask(const std::string& method, const std::string& request);

  Mutex mu_;
  Script script_ ABSL_GUARDED_BY(mu_);
  std::atomic<int> attacks_{0};
  std::string endpoint_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace edl::test
