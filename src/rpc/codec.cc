// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/codec.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/inference.pb.h"
#include "src/base/status.h"
#include "src/rpc/raw_message.h"
#include "src/rpc/spec_size.h"
#include "src/rpc/tensor_parameters.h"
#include "src/rpc/times_parameters.h"
#include "src/rpc/typed_contents.h"

namespace edl {
namespace {

constexpr int kRawInputContents = 7;   // ModelInferRequest.raw_input_contents
constexpr int kRawOutputContents = 6;  // ModelInferResponse.raw_output_contents

// Writes one tensor's description; its bytes go with the raw contents, or lie in shared memory.
template <typename Proto>
void DescribeTensor(const WireTensor& tensor, Proto* proto) {
  proto->set_name(tensor.spec.name);
  proto->set_datatype(DTypeName(tensor.spec.dtype));
  for (std::int64_t d : tensor.spec.shape) proto->add_shape(d);
  WriteTensorParameters(tensor, *proto->mutable_parameters());
}

// The byte count must be what dtype and shape take; elements of BYTES are checked when they are joined.
absl::Status CheckByteSize(const WireTensor& tensor) {
  EDL_ASSIGN_OR_RETURN(std::int64_t elements, ElementCount(tensor.spec.shape));
  std::size_t expected;
  bool fits = !__builtin_mul_overflow(static_cast<std::size_t>(elements), DTypeSize(tensor.spec.dtype), &expected);
  if (tensor.spec.dtype == DType::kBytes || (fits && expected == tensor.byte_size())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(DTypeName(tensor.spec.dtype), " ", ShapeToString(tensor.spec.shape),
                                                 " takes ", elements, " x ", DTypeSize(tensor.spec.dtype),
                                                 " bytes, got ", tensor.byte_size()));
}

// `raw`: what came for it, if the message has raw contents.
template <typename Proto>
absl::StatusOr<WireTensor> DecodeTensor(const Proto& proto, std::vector<Fragment>* raw) {
  EDL_RETURN_IF_ERROR(CheckSpecSize(proto));
  WireTensor tensor;
  tensor.spec.name = proto.name();
  tensor.spec.shape.assign(proto.shape().begin(), proto.shape().end());
  std::optional<DType> dtype = ParseDType(proto.datatype());
  if (!dtype) return absl::InvalidArgumentError(absl::StrCat("unknown datatype '", proto.datatype(), "'"));
  tensor.spec.dtype = *dtype;
  EDL_RETURN_IF_ERROR(ReadTensorParameters(proto.parameters(), tensor));
  if (tensor.shared) {
    if (proto.has_contents()) return absl::InvalidArgumentError("has typed contents and lies in shared memory");
  } else if (raw != nullptr) {
    if (proto.has_contents()) {
      return absl::InvalidArgumentError("has typed contents in a message with raw contents; they never mix");
    }
    tensor.fragments = std::move(*raw);
  } else {
    EDL_ASSIGN_OR_RETURN(Fragment fragment, EncodeTypedContents(proto.contents(), *dtype));
    tensor.fragments.push_back(std::move(fragment));
  }
  EDL_RETURN_IF_ERROR(CheckByteSize(tensor));
  return tensor;
}

// Pairs the described tensors with the raw contents, one for each that is not in shared memory, or with the contents
// inside.
template <typename Protos>
absl::StatusOr<std::vector<WireTensor>> DecodeTensors(const char* kind, const Protos& protos,
                                                      std::vector<std::vector<Fragment>>& raw) {
  const auto travel = static_cast<std::size_t>(std::count_if(
      protos.begin(), protos.end(), [](const auto& proto) { return !LiesInSharedMemory(proto.parameters()); }));
  if (!raw.empty() && raw.size() != travel) {
    return absl::InvalidArgumentError(absl::StrCat("raw_", kind, "_contents has ", raw.size(), " entries for ", travel,
                                                   " ", kind, "s; expected one for each"));
  }
  std::vector<WireTensor> tensors;
  tensors.reserve(static_cast<std::size_t>(protos.size()));
  auto next = raw.begin();
  for (const auto& proto : protos) {
    absl::StatusOr<WireTensor> tensor = DecodeTensor(proto, next == raw.end() ? nullptr : &*next);
    if (!tensor.ok()) {
      const std::string name = IsFitName(proto.name()) ? proto.name() : "...";
      return Annotate(tensor.status(), absl::StrCat(kind, " '", name, "'"));
    }
    if (!tensor->shared && next != raw.end()) ++next;
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

}  // namespace

absl::StatusOr<grpc::ByteBuffer> EncodeRequest(const InferRequest& request) {
  inference::ModelInferRequest header;
  header.set_model_name(request.model_name);
  header.set_model_version(request.model_version);
  header.set_id(request.id);
  if (request.times) AskForTimes(*header.mutable_parameters());
  for (const WireTensor& input : request.inputs) DescribeTensor(input, header.add_inputs());
  for (const RequestedOutput& output : request.outputs) {
    auto* proto = header.add_outputs();
    proto->set_name(output.name);
    WriteOutputParameters(output, *proto->mutable_parameters());
  }
  return JoinRawMessage(header, kRawInputContents, request.inputs);
}

absl::StatusOr<InferRequest> DecodeRequest(const grpc::ByteBuffer& buffer) {
  inference::ModelInferRequest header;
  EDL_ASSIGN_OR_RETURN(std::vector<std::vector<Fragment>> raw, SplitRawMessage(buffer, kRawInputContents, header));
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor> inputs, DecodeTensors("input", header.inputs(), raw));
  InferRequest request{header.model_name(),
                       header.model_version(),
                       header.id(),
                       std::move(inputs),
                       {},
                       AsksForTimes(header.parameters())};
  for (const auto& output : header.outputs()) {
    RequestedOutput& asked = request.outputs.emplace_back();
    asked.name = output.name();
    absl::Status read = ReadOutputParameters(output.parameters(), asked);
    if (!read.ok()) return Annotate(read, absl::StrCat("output '", output.name(), "'"));
  }
  return request;
}

absl::StatusOr<grpc::ByteBuffer> EncodeReply(const InferReply& reply) {
  inference::ModelInferResponse header;
  header.set_model_name(reply.model_name);
  header.set_model_version(reply.model_version);
  header.set_id(reply.id);
  if (reply.times) WriteTimes(*reply.times, *header.mutable_parameters());
  for (const WireTensor& output : reply.outputs) DescribeTensor(output, header.add_outputs());
  return JoinRawMessage(header, kRawOutputContents, reply.outputs);
}

absl::StatusOr<InferReply> DecodeReply(const grpc::ByteBuffer& buffer) {
  inference::ModelInferResponse header;
  EDL_ASSIGN_OR_RETURN(std::vector<std::vector<Fragment>> raw, SplitRawMessage(buffer, kRawOutputContents, header));
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor> outputs, DecodeTensors("output", header.outputs(), raw));
  for (const WireTensor& output : outputs) {
    if (!output.shared) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("output '", output.spec.name, "' lies in shared memory, which nobody asked for"));
  }
  return InferReply{header.model_name(), header.model_version(), header.id(), std::move(outputs),
                    ReadTimes(header.parameters())};
}

}  // namespace edl
