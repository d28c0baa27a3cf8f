// SPDX-License-Identifier: Apache-2.0
// Compressor: how the tensors of one lane's requests and replies travel in fewer bytes.
// Place: beside a GrpcTeacherClient's calls. What the teacher does not do is left undone on the way there, and done
//        here on the way back: predictions come out in the same form from all teachers.
// Errors: INVALID_ARGUMENT - a field holds what the smaller type has no value for; the message names field and element.
// Thread-safety: any thread. Cost: one pass over what is compressed or expanded.
// Source: edl/compression.h.
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "src/rpc/infer_message.h"

namespace edl {

class Compressor {
 public:
  explicit Compressor(Compression how) : how_(std::move(how)) {}

  // There is a server, perhaps another process than before, that takes and gives compressed tensors, or does not.
  void OnServer(bool compresses) { server_compresses_.store(compresses, std::memory_order_relaxed); }

  // Has the reply compressed, if the server can.
  void AskForPredictions(InferRequest& request) const;
  // The fields, if the server takes them so.
  absl::Status CompressFields(InferRequest& request) const;

  absl::Status ExpandPredictions(InferReply& reply) const;

 private:
  const Compression how_;
  // Written by the probe, read by calls. A call that meets the next server with what was known of the last is refused,
  // or answered in full: nothing else depends on the order.
  std::atomic<bool> server_compresses_{false};
};

}  // namespace edl
