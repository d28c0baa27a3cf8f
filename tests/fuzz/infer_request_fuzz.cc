// SPDX-License-Identifier: Apache-2.0
// A ModelInfer request, as the server reads it: decoded, its shared memory found, held against the model, what is
// compressed expanded, and its rows assembled.
// Input: one byte which model is served, the cuts, the message. A region of 64 bytes is registered as "region".
#include "proto/inference.pb.h"
#include "src/rpc/codec.h"
#include "src/teacher/joint_rows.h"
#include "src/teacher/request_check.h"
#include "src/teacher/shared_regions.h"
#include "src/tensor/compressed_tensor.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/wire_slices.h"

namespace edl {
namespace {

constexpr std::int64_t kMaxRows = 64;

std::vector<ModelInfo> MakeModels() {
  const std::vector<TensorSpec> outputs = {{"score", DType::kFp32, {-1, 2}}, {"label", DType::kInt64, {-1}}};
  return {{"m", "1", "", {{"x", DType::kUint8, {-1, -1}}}, outputs},
          {"m", "", "", {{"x", DType::kFp32, {-1, 2}}, {"text", DType::kBytes, {-1}}}, outputs},
          {"m", "", "", {{"x", DType::kBytes, {-1, -1, -1}}}, outputs},
          {"m", "", "", {{"x", DType::kInt16, {-1, -1, -1, -1}}}, outputs}};
}

const SharedRegions& Regions() {
  // Held for ever: regions of a creator that is gone are dropped.
  static const auto& memory = *new std::shared_ptr<SharedMemory>(SharedMemory::Create(64).value());
  static SharedRegions& regions = *new SharedRegions(/*offered=*/true);
  static const bool registered = [] {
    for (std::size_t i = 0; i < memory->size(); ++i) memory->data()[i] = std::byte(i % 5 == 0 ? 3 : 0);
    const bool ok = regions.Register("region", memory->key(), 0, memory->size()).ok();
    memory->Unlink();
    return ok;
  }();
  Require(registered, "a region can be registered");
  return regions;
}

std::string Text(const InferRequest& request) {
  std::string text = absl::StrCat(request.model_name, "\n", request.model_version, "\n", request.id, "\n",
                                  request.times ? "times\n" : "", Text(request.inputs));
  for (const auto& [name, how, shared] : request.outputs) {
    absl::StrAppend(&text, name, how ? how->ToString() : "", "\n");
    if (shared) absl::StrAppend(&text, shared->region, " ", shared->offset, " ", shared->byte_size, "\n");
  }
  return text;
}

// Once, and twice as two requests of one run.
std::string Assembled(const CheckedRequest& request) {
  absl::StatusOr<std::vector<Tensor>> alone = JoinRows({&request});
  absl::StatusOr<std::vector<Tensor>> twice = JoinRows({&request, &request});
  Require(FitTogether(request, request) && alone.ok() == twice.ok(), "a request fits together with itself");
  if (!alone.ok()) return alone.status().ToString();
  std::string text;
  for (const Tensor& tensor : *alone) {
    CheckTensor(tensor);
    Require(tensor.rows() == request.rows, "the model gets the rows that were counted");
    text += Text(tensor);
  }
  for (std::int64_t first : {std::int64_t{0}, request.rows}) {
    const std::vector<Tensor> cut = CutRows(*twice, first, request.rows).value();
    std::string part;
    for (const Tensor& tensor : cut) part += Text(tensor);
    Require(part == text, "rows that were joined can be taken apart");
  }
  return text;
}

// All that comes of one delivery, errors included.
std::string Serve(const grpc::ByteBuffer& buffer, const ModelInfo& model) {
  absl::StatusOr<InferRequest> request = DecodeRequest(buffer);
  if (!request.ok()) return request.status().ToString();
  std::string text = Text(*request);
  for (WireTensor& input : request->inputs) {
    if (!input.shared) continue;
    absl::StatusOr<Fragment> bytes = Regions().Find(*input.shared);
    if (!bytes.ok()) return text + bytes.status().ToString();
    Require(bytes->size == input.shared->byte_size && bytes->size <= 64, "a tensor lies in its region");
    input.fragments = {*std::move(bytes)};
    input.shared.reset();
  }
  absl::StatusOr<CheckedRequest> checked = CheckRequest(model, kMaxRows, *std::move(request));
  if (!checked.ok()) return text + checked.status().ToString();
  Require(checked->rows > 0 && checked->rows <= kMaxRows, "a request has rows, and not too many");
  Require(checked->inputs.size() == model.inputs.size() && !checked->outputs.empty(), "a request is complete");
  for (WireTensor& input : checked->inputs) {
    if (!input.compressed) continue;
    absl::StatusOr<WireTensor> expanded = ExpandField(input);
    Require(expanded.ok() && expanded->spec.dtype == DType::kFp32 && expanded->spec.shape == input.spec.shape,
            "what is compressed can be expanded");
    input = *std::move(expanded);
  }
  return text + Assembled(*checked);
}

void CheckAgainstProtobuf(const std::string& bytes, const absl::StatusOr<InferRequest>& request) {
  inference::ModelInferRequest proto;
  // Not the reverse: the stream that finds raw contents reads some tags that protobuf's own parser calls too long.
  if (!proto.ParseFromString(bytes)) return;
  if (!request.ok()) {
    const bool malformed = request.status().message() == "the bytes are not a ModelInfer message";
    Require(!malformed, "only what protobuf cannot parse is called no message");
    return;
  }
  Require(proto.inputs_size() == static_cast<int>(request->inputs.size()), "protobuf reads it, too");
  int raw = 0;
  for (const WireTensor& input : request->inputs) {
    if (input.shared || proto.raw_input_contents_size() == 0) continue;
    Require(proto.raw_input_contents(raw++) == Bytes(input), "protobuf reads the same bytes");
  }
  Require(raw == proto.raw_input_contents_size(), "no bytes are left over");
}

void CheckRoundTrip(const InferRequest& request) {
  absl::StatusOr<grpc::ByteBuffer> encoded = EncodeRequest(request);
  Require(encoded.ok(), "what was decoded can be encoded");
  absl::StatusOr<InferRequest> again = DecodeRequest(*encoded);
  Require(again.ok() && Text(*again) == Text(request), "what was encoded again is the same");
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const std::vector<ModelInfo>& models = *new std::vector<ModelInfo>(MakeModels());
  FuzzInput input(data, size);
  const ModelInfo& model = models[input.Byte() % models.size()];
  const std::vector<std::size_t> cuts = TakeCuts(input);
  const std::string bytes = input.Rest();

  const grpc::ByteBuffer whole = CutUp(bytes, {});
  Require(Serve(whole, model) == Serve(CutUp(bytes, cuts), model), "the cuts make no difference");
  absl::StatusOr<InferRequest> request = DecodeRequest(whole);
  CheckAgainstProtobuf(bytes, request);
  if (request.ok()) CheckRoundTrip(*request);
  return 0;
}
