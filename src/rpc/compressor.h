// SPDX-License-Identifier: Apache-2.0
// Compressor: how the tensors of one lane's requests and replies travel in fewer bytes.
// Place: beside a GrpcTeacherClient's calls. What the teacher does not do is left undone on the way there, and done
//        here on the way back: predictions come out in the same form from all teachers.
// Errors: a reply's - INVALID_ARGUMENT - the scores have not more classes than are wanted of them.
// Thread-safety: any thread. Cost: one pass over what is compressed or expanded.
// Source: edl/compression.h.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "src/rpc/infer_message.h"
#include "src/tensor/buffer_pool.h"

namespace edl {

class Compressor {
 public:
  Compressor(std::string endpoint, Compression how) : endpoint_(std::move(endpoint)), how_(std::move(how)) {}

  // There is a server, perhaps another process than before, that takes and gives compressed tensors, or does not.
  void OnServer(bool compresses);
  bool server_compresses() const { return server_compresses_.load(std::memory_order_relaxed); }

  // Has the reply compressed.
  void AskForPredictions(InferRequest& request) const;
  // But those that hold what the smaller type has no value for: they travel in full, and the log says so once.
  void CompressFields(InferRequest& request);

  absl::Status ExpandPredictions(InferReply& reply) const;

 private:
  const std::string endpoint_;
  const Compression how_;
  BufferPool buffers_;  // of compressed fields
  // Written by the probe and by calls that were refused, read by calls. A call that meets the next server with what was
  // known of the last is refused and sent again, or answered in full: nothing else depends on the order.
  std::atomic<bool> server_compresses_{false};
  std::atomic<bool> warned_{false};
};

}  // namespace edl
