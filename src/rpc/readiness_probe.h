// SPDX-License-Identifier: Apache-2.0
// ReadinessProbe: asks a server, whoever made it, whether it can teach.
// Place: what edl-register renews a foreign server's lease by. Dispatch has its own probe (ModelProbe), which also
//        wants to know what the model is.
// Rules: the standard health service is asked first. Where there is none, ServerReady is; and ModelReady whenever a
//        model is named, because some servers say ServerReady for ever once they have said it.
// Errors, of Check: UNAVAILABLE - it says that it is not ready, or cannot be reached; DEADLINE_EXCEEDED; else what the
//         server answered; UNAUTHENTICATED - as TeacherClient's probes. All name the call that said so.
// Thread-safety: one thread at a time. Check blocks.
// Source: grpc.health.v1 ("GRPC Health Checking Protocol"); the Open Inference Protocol.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/rpc/client_security.h"

namespace grpc {
class Channel;
}

namespace edl {

class ReadinessProbe {
 public:
  // `endpoint` has been checked. `model` may be empty: whatever the server has.
  ReadinessProbe(const std::string& endpoint, std::string model,
                 std::shared_ptr<const ClientSecurity> security = ClientSecurity::Default());
  ~ReadinessProbe();

  // OK when the server is ready, within `timeout` for all calls together.
  absl::Status Check(std::chrono::milliseconds timeout);

 private:
  const std::string endpoint_;
  const std::string model_;
  const std::shared_ptr<const ClientSecurity> security_;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel_;  // or why there is to be none
};

}  // namespace edl
