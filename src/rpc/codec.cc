// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/codec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/inference.pb.h"
#include "src/base/status.h"
#include "src/rpc/raw_message.h"
#include "src/rpc/typed_contents.h"

namespace edl {
namespace {

constexpr int kRawInputContents = 7;   // ModelInferRequest.raw_input_contents
constexpr int kRawOutputContents = 6;  // ModelInferResponse.raw_output_contents

// A tensor's parameters that say where in shared memory it lies.
constexpr char kRegion[] = "shared_memory_region";
constexpr char kByteSize[] = "shared_memory_byte_size";
constexpr char kOffset[] = "shared_memory_offset";

// Writes one tensor's description; its bytes go with the raw contents, or lie in shared memory.
template <typename Proto>
void DescribeTensor(const WireTensor& tensor, Proto* proto) {
  proto->set_name(tensor.spec.name);
  proto->set_datatype(DTypeName(tensor.spec.dtype));
  for (std::int64_t d : tensor.spec.shape) proto->add_shape(d);
  if (!tensor.shared) return;
  auto& parameters = *proto->mutable_parameters();
  parameters[kRegion].set_string_param(tensor.shared->region);
  parameters[kByteSize].set_int64_param(static_cast<std::int64_t>(tensor.shared->byte_size));
  if (tensor.shared->offset != 0) {
    parameters[kOffset].set_int64_param(static_cast<std::int64_t>(tensor.shared->offset));
  }
}

using Parameters = google::protobuf::Map<std::string, inference::InferParameter>;

// A size in bytes; servers' clients send either kind of integer.
absl::StatusOr<std::uint64_t> BytesParameter(const Parameters& parameters, const char* name, std::uint64_t otherwise) {
  auto found = parameters.find(name);
  if (found == parameters.end()) return otherwise;
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();  // so it can be sent on as int64
  if (found->second.has_uint64_param() && found->second.uint64_param() <= kLargest) {
    return found->second.uint64_param();
  }
  if (found->second.has_int64_param() && found->second.int64_param() >= 0) {
    return static_cast<std::uint64_t>(found->second.int64_param());
  }
  return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' is no number of bytes"));
}

absl::StatusOr<std::optional<SharedMemoryRef>> SharedMemoryOf(const Parameters& parameters) {
  auto region = parameters.find(kRegion);
  if (region == parameters.end()) return std::nullopt;
  SharedMemoryRef ref{region->second.string_param(), 0, 0};
  EDL_ASSIGN_OR_RETURN(ref.byte_size, BytesParameter(parameters, kByteSize, 0));
  EDL_ASSIGN_OR_RETURN(ref.offset, BytesParameter(parameters, kOffset, 0));
  return ref;
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
  WireTensor tensor;
  EDL_ASSIGN_OR_RETURN(tensor.shared, SharedMemoryOf(proto.parameters()));
  tensor.spec.name = proto.name();
  tensor.spec.shape.assign(proto.shape().begin(), proto.shape().end());
  std::optional<DType> dtype = ParseDType(proto.datatype());
  if (!dtype) return absl::InvalidArgumentError(absl::StrCat("unknown datatype '", proto.datatype(), "'"));
  tensor.spec.dtype = *dtype;
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
      protos.begin(), protos.end(), [](const auto& proto) { return proto.parameters().count(kRegion) == 0; }));
  if (!raw.empty() && raw.size() != travel) {
    return absl::InvalidArgumentError(absl::StrCat("raw_", kind, "_contents has ", raw.size(), " entries for ", travel,
                                                   " ", kind, "s; expected one for each"));
  }
  std::vector<WireTensor> tensors;
  tensors.reserve(static_cast<std::size_t>(protos.size()));
  auto next = raw.begin();
  for (const auto& proto : protos) {
    absl::StatusOr<WireTensor> tensor = DecodeTensor(proto, next == raw.end() ? nullptr : &*next);
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat(kind, " '", proto.name(), "'"));
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
  for (const WireTensor& input : request.inputs) DescribeTensor(input, header.add_inputs());
  for (const std::string& output : request.outputs) header.add_outputs()->set_name(output);
  return JoinRawMessage(header, kRawInputContents, request.inputs);
}

absl::StatusOr<InferRequest> DecodeRequest(const grpc::ByteBuffer& buffer) {
  inference::ModelInferRequest header;
  EDL_ASSIGN_OR_RETURN(std::vector<std::vector<Fragment>> raw, SplitRawMessage(buffer, kRawInputContents, header));
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor> inputs, DecodeTensors("input", header.inputs(), raw));
  InferRequest request{header.model_name(), header.model_version(), header.id(), std::move(inputs), {}};
  for (const auto& output : header.outputs()) {
    if (output.parameters().count(kRegion) != 0) {
      return absl::UnimplementedError(
          absl::StrCat("output '", output.name(), "' in shared memory; only inputs may lie there"));
    }
    request.outputs.push_back(output.name());
  }
  return request;
}

absl::StatusOr<grpc::ByteBuffer> EncodeReply(const InferReply& reply) {
  inference::ModelInferResponse header;
  header.set_model_name(reply.model_name);
  header.set_model_version(reply.model_version);
  header.set_id(reply.id);
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
  return InferReply{header.model_name(), header.model_version(), header.id(), std::move(outputs)};
}

}  // namespace edl
