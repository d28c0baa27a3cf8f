// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/codec.h"

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

// Writes one tensor's description; its bytes go with the raw contents.
template <typename Proto>
void DescribeTensor(const TensorSpec& spec, Proto* proto) {
  proto->set_name(spec.name);
  proto->set_datatype(DTypeName(spec.dtype));
  for (std::int64_t d : spec.shape) proto->add_shape(d);
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

template <typename Proto>
absl::StatusOr<WireTensor> DecodeTensor(const Proto& proto, std::vector<Fragment>* raw) {
  WireTensor tensor;
  tensor.spec.name = proto.name();
  tensor.spec.shape.assign(proto.shape().begin(), proto.shape().end());
  std::optional<DType> dtype = ParseDType(proto.datatype());
  if (!dtype) return absl::InvalidArgumentError(absl::StrCat("unknown datatype '", proto.datatype(), "'"));
  tensor.spec.dtype = *dtype;
  if (raw != nullptr) {
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

// Pairs the described tensors with the raw contents, one for each, or with the contents inside.
template <typename Protos>
absl::StatusOr<std::vector<WireTensor>> DecodeTensors(const char* kind, const Protos& protos,
                                                      std::vector<std::vector<Fragment>>& raw) {
  if (!raw.empty() && raw.size() != static_cast<std::size_t>(protos.size())) {
    return absl::InvalidArgumentError(absl::StrCat("raw_", kind, "_contents has ", raw.size(), " entries for ",
                                                   protos.size(), " ", kind, "s; expected one for each"));
  }
  std::vector<WireTensor> tensors;
  tensors.reserve(protos.size());
  for (int i = 0; i < protos.size(); ++i) {
    absl::StatusOr<WireTensor> tensor = DecodeTensor(protos[i], raw.empty() ? nullptr : &raw[i]);
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat(kind, " '", protos[i].name(), "'"));
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
  for (const WireTensor& input : request.inputs) DescribeTensor(input.spec, header.add_inputs());
  for (const std::string& output : request.outputs) header.add_outputs()->set_name(output);
  return JoinRawMessage(header, kRawInputContents, request.inputs);
}

absl::StatusOr<InferRequest> DecodeRequest(const grpc::ByteBuffer& buffer) {
  inference::ModelInferRequest header;
  EDL_ASSIGN_OR_RETURN(std::vector<std::vector<Fragment>> raw, SplitRawMessage(buffer, kRawInputContents, header));
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor> inputs, DecodeTensors("input", header.inputs(), raw));
  InferRequest request{header.model_name(), header.model_version(), header.id(), std::move(inputs), {}};
  for (const auto& output : header.outputs()) request.outputs.push_back(output.name());
  return request;
}

absl::StatusOr<grpc::ByteBuffer> EncodeReply(const InferReply& reply) {
  inference::ModelInferResponse header;
  header.set_model_name(reply.model_name);
  header.set_model_version(reply.model_version);
  header.set_id(reply.id);
  for (const WireTensor& output : reply.outputs) DescribeTensor(output.spec, header.add_outputs());
  return JoinRawMessage(header, kRawOutputContents, reply.outputs);
}

absl::StatusOr<InferReply> DecodeReply(const grpc::ByteBuffer& buffer) {
  inference::ModelInferResponse header;
  EDL_ASSIGN_OR_RETURN(std::vector<std::vector<Fragment>> raw, SplitRawMessage(buffer, kRawOutputContents, header));
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor> outputs, DecodeTensors("output", header.outputs(), raw));
  return InferReply{header.model_name(), header.model_version(), header.id(), std::move(outputs)};
}

}  // namespace edl
