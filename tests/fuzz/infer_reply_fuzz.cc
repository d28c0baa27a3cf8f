// SPDX-License-Identifier: Apache-2.0
// A ModelInfer reply, as the client reads it: decoded, held against what was asked for, and joined for the student.
// Input: one byte which predictions were asked for, one how many rows, the cuts, the message.
#include "proto/inference.pb.h"
#include "src/dispatch/reply_check.h"
#include "src/rpc/codec.h"
#include "src/rpc/compressor.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/wire_slices.h"

namespace edl {
namespace {

// How the last binding's prediction comes.
const PredictionCompression kTopTwo{DType::kFp16, 2, Scores::kLogits, 2};

std::vector<ModelBinding> MakeBindings() {
  const std::vector<TensorSpec> inputs = {{"x", DType::kUint8, {-1, 4}}};
  std::vector<ModelBinding> bindings;
  for (const std::vector<TensorSpec>& outputs :
       std::vector<std::vector<TensorSpec>>{{{"score", DType::kFp32, {-1, -1}}},
                                            {{"score", DType::kFp16, {-1, 3}}, {"label", DType::kInt8, {-1}}},
                                            {{"score", DType::kBytes, {-1, -1}}},
                                            {{"score", DType::kFp64, {-1, -1, -1, -1}}}}) {
    std::vector<std::string> names;
    for (const TensorSpec& output : outputs) names.push_back(output.name);
    bindings.push_back(ModelBinding::Bind({"x"}, names, {"m", "1", "", inputs, outputs}).value());
  }
  bindings.push_back(ModelBinding::Bind({"x"}, {"score"}, {"m", "1", "", inputs, {{"score", DType::kFp32, {-1, 3}}}},
                                        {{}, {{"score", kTopTwo}}})
                         .value());
  return bindings;
}

std::string Text(const InferReply& reply) {
  std::string text = absl::StrCat(reply.model_name, "\n", reply.model_version, "\n", reply.id, "\n");
  if (reply.times) absl::StrAppend(&text, reply.times->queue.count(), " ", reply.times->compute.count(), "\n");
  return text + Text(reply.outputs);
}

template <typename Value>
std::string TextOrWhyNot(const absl::StatusOr<Value>& value) {
  return value.ok() ? Text(*value) : value.status().ToString();
}

std::string Joined(const std::vector<const WireTensor*>& parts) {
  absl::StatusOr<Tensor> tensor = Join(parts);
  if (tensor.ok()) CheckTensor(*tensor);
  Require(tensor.ok() || parts[0]->spec.dtype == DType::kBytes, "what passed the checks can be joined");
  return TextOrWhyNot(tensor);
}

// All that comes of one delivery, errors included.
std::string Read(const grpc::ByteBuffer& buffer, const ModelBinding& binding, std::int64_t rows) {
  static const Compressor& compressor = *new Compressor("teacher", {{}, {{"score", kTopTwo}}});
  absl::StatusOr<InferReply> reply = DecodeReply(buffer);
  std::string text = TextOrWhyNot(reply);
  if (!reply.ok()) return text;
  if (binding.predictions().size() > 1 && binding.classes(1) != 0) {
    const absl::Status expanded = compressor.ExpandPredictions(*reply);
    text += expanded.ToString();
    if (!expanded.ok()) return text;
  }
  text += CheckReply(binding, rows, /*check_finite=*/true, *reply).status().ToString();
  absl::StatusOr<std::vector<WireTensor>> predictions = CheckReply(binding, rows, /*check_finite=*/false, *reply);
  text += TextOrWhyNot(predictions);
  if (!predictions.ok()) return text;
  for (std::size_t p = 0; p < predictions->size(); ++p) {
    const WireTensor& prediction = (*predictions)[p];
    if (binding.classes(p) != 0) {
      const Tensor index = Join({&prediction}).value();
      for (std::int64_t i = 0; i < index.element_count(); ++i) {
        const std::int32_t at = index.data_as<std::int32_t>()[i];
        Require(at >= 0 && at < binding.classes(p), "a class is one of those that there are");
      }
    }
    text += Joined({&prediction});
    text += Joined({&prediction, &prediction});
  }
  return text;
}

void CheckAgainstProtobuf(const std::string& bytes, const absl::StatusOr<InferReply>& reply) {
  inference::ModelInferResponse proto;
  // Not the reverse: the stream that finds raw contents reads some tags that protobuf's own parser calls too long.
  if (!proto.ParseFromString(bytes)) return;
  if (!reply.ok()) {
    const bool malformed = reply.status().message() == "the bytes are not a ModelInfer message";
    Require(!malformed, "only what protobuf cannot parse is called no message");
    return;
  }
  Require(proto.outputs_size() == static_cast<int>(reply->outputs.size()), "protobuf reads it, too");
  Require(proto.model_name() == reply->model_name && proto.id() == reply->id, "protobuf reads the same texts");
  for (int i = 0; i < proto.raw_output_contents_size(); ++i) {
    Require(proto.raw_output_contents(i) == Bytes(reply->outputs[i]), "protobuf reads the same bytes");
  }
}

void CheckRoundTrip(const InferReply& reply) {
  absl::StatusOr<grpc::ByteBuffer> encoded = EncodeReply(reply);
  Require(encoded.ok(), "what was decoded can be encoded");
  absl::StatusOr<InferReply> again = DecodeReply(*encoded);
  Require(again.ok() && Text(*again) == Text(reply), "what was encoded again is the same");
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const std::vector<ModelBinding>& bindings = *new std::vector<ModelBinding>(MakeBindings());
  FuzzInput input(data, size);
  const ModelBinding& binding = bindings[input.Byte() % bindings.size()];
  const std::int64_t rows = input.Byte();
  const std::vector<std::size_t> cuts = TakeCuts(input);
  const std::string bytes = input.Rest();

  const grpc::ByteBuffer whole = CutUp(bytes, {});
  Require(Read(whole, binding, rows) == Read(CutUp(bytes, cuts), binding, rows), "the cuts make no difference");
  absl::StatusOr<InferReply> reply = DecodeReply(whole);
  CheckAgainstProtobuf(bytes, reply);
  if (reply.ok()) CheckRoundTrip(*reply);
  return 0;
}
