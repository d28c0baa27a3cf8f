// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/compressor.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/tensor/compressed_tensor.h"

namespace edl {
namespace {

using Tensors = std::vector<WireTensor>;

Tensors::iterator Find(Tensors& tensors, const std::string& name) {
  return std::find_if(tensors.begin(), tensors.end(), [&](const WireTensor& one) { return one.spec.name == name; });
}

// In FP32; of the highest scores alone where a server has sent all.
absl::Status Expand(Tensors& outputs, const std::string& name, const PredictionCompression& how) {
  auto scores = Find(outputs, name);
  if (scores == outputs.end()) return absl::OkStatus();  // whoever checks the reply will miss it
  if (scores->spec.dtype == DType::kFp16) {
    EDL_ASSIGN_OR_RETURN(*scores, ExpandPrediction(*scores));
  }
  if (how.top_k == 0 || Find(outputs, TopKIndexName(name)) != outputs.end()) return absl::OkStatus();
  EDL_ASSIGN_OR_RETURN(const Tensor all, Join({&*scores}));
  PredictionCompression in_full = how;
  in_full.dtype = DType::kFp32;
  EDL_ASSIGN_OR_RETURN(Tensors top, CompressPrediction(name, all, in_full));
  outputs.erase(scores);
  std::move(top.begin(), top.end(), std::back_inserter(outputs));
  return absl::OkStatus();
}

}  // namespace

void Compressor::OnServer(bool compresses) {
  server_compresses_.store(compresses, std::memory_order_relaxed);
  if (!compresses) Log().info("teacher {} takes nothing compressed: it is sent FP32", endpoint_);
}

void Compressor::AskForPredictions(InferRequest& request) const {
  for (RequestedOutput& output : request.outputs) {
    auto how = how_.predictions.find(output.name);
    if (how != how_.predictions.end()) output.compression = how->second;
  }
}

void Compressor::CompressFields(InferRequest& request) {
  for (WireTensor& input : request.inputs) {
    auto how = how_.fields.find(input.spec.name);
    if (how == how_.fields.end()) continue;
    absl::StatusOr<WireTensor> compressed = CompressField(input, how->second, buffers_);
    if (compressed.ok()) {
      input = *std::move(compressed);
    } else if (!warned_.exchange(true, std::memory_order_relaxed)) {
      Log().warn("field '{}' travels as FP32 where it must: {}", input.spec.name,
                 std::string(compressed.status().message()));
    }
  }
}

absl::Status Compressor::ExpandPredictions(InferReply& reply) const {
  for (const auto& [name, how] : how_.predictions) {
    absl::Status expanded = Expand(reply.outputs, name, how);
    if (!expanded.ok()) return Annotate(expanded, absl::StrCat("prediction '", name, "'"));
  }
  return absl::OkStatus();
}

}  // namespace edl
