// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/infer_call.h"

#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/rpc/codec.h"
#include "src/rpc/pushback.h"
#include "src/rpc/status_code.h"
#include "src/teacher/joint_rows.h"
#include "src/tensor/compressed_tensor.h"

namespace edl {
namespace {

// A status message travels as a header, and peers drop calls whose headers exceed 8 KiB; a byte can take three there.
constexpr std::size_t kMessageHalf = 1000;

absl::Status Shortened(const absl::Status& status) {
  std::string message(status.message());
  if (message.size() <= 2 * kMessageHalf) return status;
  // Both ends matter: an interpreter's trace begins with where and ends with what.
  return absl::Status(status.code(), absl::StrCat(message.substr(0, kMessageHalf), " [...] ",
                                                  message.substr(message.size() - kMessageHalf)));
}

TimePoint Now() {
  return std::chrono::steady_clock::now();
}

// An exception says nothing that the caller could mend, whatever its type.
absl::StatusOr<std::vector<Tensor>> Infer(Model& model, const std::vector<Tensor>& inputs) {
  try {
    return model.Infer(inputs);
  } catch (...) {
    absl::Status status = StatusOfException();
    if (absl::IsResourceExhausted(status)) return Annotate(status, absl::StrCat("model '", model.info().name, "'"));
    return absl::InternalError(absl::StrCat("model '", model.info().name, "' threw: ", status.message()));
  }
}

// One run of the model for all of them; writes how long that took.
absl::StatusOr<std::vector<Tensor>> Compute(Model& model, const std::vector<const CheckedRequest*>& requests,
                                            ComputeTimes& times) {
  std::int64_t rows = 0;
  for (const CheckedRequest* request : requests) rows += request->rows;
  const TimePoint begin = Now();
  EDL_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, JoinRows(requests));
  const TimePoint joined = Now();
  EDL_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, Infer(model, inputs));
  times = {joined - begin, Now() - joined};
  EDL_RETURN_IF_ERROR(CheckOutputs(model.info(), rows, outputs));
  return outputs;
}

// By what the caller is to do: come back later, ask another teacher, or mend the request.
std::atomic<std::int64_t>& CounterOfRefusal(ServerCounters& counters, const absl::Status& why) {
  if (absl::IsResourceExhausted(why)) return counters.overloaded;
  if (absl::IsUnavailable(why)) return counters.stopping;
  return counters.invalid;
}

}  // namespace

void InferCall::Start() {
  absl::Status accepted = Guarded([this] { return Accept(); });
  if (accepted.ok()) return;
  Count(CounterOfRefusal(parts_.counters, accepted));
  Conclude(accepted);
}

absl::Status InferCall::Accept() {
  const Peer peer(context_->peer());
  parts_.arrivals.Note(peer);
  EDL_RETURN_IF_ERROR(LetIn(parts_.tokens, *context_));
  client_ = peer.client();
  EDL_RETURN_IF_ERROR(parts_.gate.Enter(client_));
  entered_ = true;
  EDL_ASSIGN_OR_RETURN(InferRequest request, DecodeRequest(*request_));
  EDL_RETURN_IF_ERROR(FindShared(request.inputs));
  EDL_ASSIGN_OR_RETURN(checked_, CheckRequest(parts_.model.info(), parts_.max_batch_rows, std::move(request)));
  EDL_RETURN_IF_ERROR(FindRooms());
  EDL_RETURN_IF_ERROR(Expand(checked_.inputs));
  if (!parts_.joins) EDL_RETURN_IF_ERROR(Assemble());
  request_->Clear();  // what was copied out of it is free for the next message while this one waits
  submitted_ = Now();
  decoding_ = submitted_ - times_.arrived;
  ServerCounters& counters = parts_.counters;  // once it is submitted, this call may be answered, and gone
  if (!parts_.pool.Submit(this)) return absl::UnavailableError("this teacher has stopped; ask another one");
  Count(counters.accepted);
  return absl::OkStatus();
}

// Each input in one piece, while an instance is still at another request; rows that may be joined with others' are
// copied there and then.
absl::Status InferCall::Assemble() {
  EDL_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, JoinRows({&checked_}));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    checked_.inputs[i] = ToWireTensor(checked_.inputs[i].spec.name, inputs[i]);
  }
  return absl::OkStatus();
}

// The bytes of those tensors that lie in shared memory.
absl::Status InferCall::FindShared(std::vector<WireTensor>& inputs) const {
  for (WireTensor& input : inputs) {
    if (!input.shared) continue;
    absl::StatusOr<Fragment> bytes = parts_.regions.Find(*input.shared);
    if (!bytes.ok()) return Annotate(bytes.status(), absl::StrCat("input '", input.spec.name, "'"));
    input.fragments = {*std::move(bytes)};
    input.shared.reset();
  }
  return absl::OkStatus();
}

// Where those outputs go that are not to travel: the request keeps it, whatever becomes of the region.
absl::Status InferCall::FindRooms() {
  for (const AskedOutput& output : checked_.outputs) {
    if (!output.shared) continue;
    const std::string& name = parts_.model.info().outputs[output.at].name;
    absl::StatusOr<SharedRegions::Room> room = parts_.regions.FindRoom(*output.shared);
    if (!room.ok()) return Annotate(room.status(), absl::StrCat("output '", name, "'"));
    rooms_[name] = *std::move(room);
  }
  return absl::OkStatus();
}

// Those that were made smaller for the way; the model takes FP32.
absl::Status InferCall::Expand(std::vector<WireTensor>& inputs) const {
  for (WireTensor& input : inputs) {
    if (!input.compressed) continue;
    absl::StatusOr<WireTensor> expanded = ExpandField(input);
    if (!expanded.ok()) return Annotate(expanded.status(), absl::StrCat("input '", input.spec.name, "'"));
    input = *std::move(expanded);
  }
  return absl::OkStatus();
}

bool InferCall::Joins(const InstanceJob& next) const {
  return FitTogether(checked_, static_cast<const InferCall&>(next).checked_);
}

bool InferCall::Begin() {
  if (context_->IsCancelled()) {
    outcome_ = Skip();
    return false;
  }
  begun_ = Now();
  times_.queue = *begun_ - submitted_;
  Count(parts_.counters.calls);
  Count(parts_.counters.rows, checked_.rows);
  return true;
}

void InferCall::Run() {
  if (Begin()) RunAlone();
}

void InferCall::RunAlone() {
  ComputeTimes run;
  Count(parts_.counters.runs);
  absl::StatusOr<std::vector<Tensor>> outputs = Guarded([&] { return Compute(parts_.model, {&checked_}, run); });
  const bool well = outputs.ok();
  End(std::move(outputs), run);
  if (well) parts_.statistics.CountRun(checked_.rows, {run.input, run.infer, times_.compute.output});
}

void InferCall::RunWith(const std::vector<InstanceJob*>& others) {
  std::vector<InferCall*> calls;
  if (Begin()) calls.push_back(this);
  for (InstanceJob* other : others) {
    auto* call = static_cast<InferCall*>(other);
    if (call->Begin()) calls.push_back(call);
  }
  if (calls.empty()) return;
  if (calls.size() == 1) return calls[0]->RunAlone();
  std::vector<const CheckedRequest*> requests;
  requests.reserve(calls.size());
  for (const InferCall* call : calls) requests.push_back(&call->checked_);
  Count(parts_.counters.runs);
  ComputeTimes run;
  const absl::StatusOr<std::vector<Tensor>> outputs = Guarded([&] { return Compute(parts_.model, requests, run); });
  if (!outputs.ok()) {  // one of them may have spoilt it for all
    for (InferCall* call : calls) call->RunAlone();
    return;
  }
  std::int64_t first = 0;
  for (InferCall* call : calls) {
    const std::int64_t rows = call->checked_.rows;
    call->End(Guarded([&] { return CutRows(*outputs, first, rows); }), run);
    run.output += call->times_.compute.output;
    first += rows;
  }
  parts_.statistics.CountRun(first, run);
}

void InferCall::End(absl::StatusOr<std::vector<Tensor>> outputs, const ComputeTimes& run) {
  const TimePoint begin = Now();
  times_.compute = {decoding_ + run.input, run.infer};
  absl::StatusOr<grpc::ByteBuffer> reply = Guarded([&]() -> absl::StatusOr<grpc::ByteBuffer> {
    if (!outputs.ok()) return outputs.status();
    return Encode(*outputs);
  });
  times_.compute.output = Now() - begin;
  checked_.inputs.clear();
  if (reply.ok()) {
    Count(parts_.counters.answered);
    reply_->Swap(&*reply);
  } else {
    Count(parts_.counters.failed);
    Log().warn("a request of {} rows failed: {}", checked_.rows, reply.status().ToString());
  }
  outcome_ = reply.status();
}

void InferCall::Answer() {
  // Before it is sent: who has its answer finds it counted.
  if (begun_ && outcome_.ok()) parts_.statistics.CountSuccess(checked_.rows, times_);
  if (begun_ && !outcome_.ok()) parts_.statistics.CountFailure(times_);
  Conclude(outcome_);
}

absl::StatusOr<grpc::ByteBuffer> InferCall::Encode(const std::vector<Tensor>& outputs) const {
  const ModelInfo& info = parts_.model.info();
  InferReply reply{info.name, info.version, checked_.id, {}};
  for (const auto& [at, compression, shared] : checked_.outputs) {
    const std::string& name = info.outputs[at].name;
    if (!compression) {
      reply.outputs.push_back(ToWireTensor(name, outputs[at]));
      if (shared) EDL_RETURN_IF_ERROR(Leave(*shared, reply.outputs.back()));
      continue;
    }
    absl::StatusOr<std::vector<WireTensor>> compressed = CompressPrediction(name, outputs[at], *compression);
    if (!compressed.ok()) return Annotate(compressed.status(), absl::StrCat("output '", name, "'"));
    std::move(compressed->begin(), compressed->end(), std::back_inserter(reply.outputs));
  }
  if (checked_.times) reply.times = ReplyTimes{times_.queue, decoding_ + (Now() - *begun_)};
  return EncodeReply(reply);
}

// Writes the output's bytes where the student wants them; what travels only says so.
absl::Status InferCall::Leave(const SharedMemoryRef& ref, WireTensor& output) const {
  const SharedRegions::Room& room = rooms_.at(output.spec.name);
  const std::size_t byte_size = output.byte_size();
  if (byte_size > room.size) {
    return absl::InvalidArgumentError(absl::StrCat("output '", output.spec.name, "' has ", byte_size,
                                                   " bytes; the room for it in shared memory region '", ref.region,
                                                   "' has ", room.size));
  }
  output.CopyTo(room.data);
  output.fragments.clear();
  output.shared = SharedMemoryRef{ref.region, ref.offset, byte_size};
  return absl::OkStatus();
}

void InferCall::Abandon() {
  Conclude(absl::UnavailableError("this teacher stopped before it computed the request"));
}

void InferCall::Expire() {
  Count(parts_.counters.skipped);
  const auto waited = (Now() - submitted_) / std::chrono::milliseconds(1);
  const std::string message = absl::StrCat("the request waited ", waited, " ms for its turn, longer than it may here");
  Conclude(WithPushback(absl::ResourceExhaustedError(message), absl::StrCat(parts_.gate.RetryAfter().count())));
}

void InferCall::OnCancel() {
  if (parts_.pool.Remove(this)) Conclude(Skip());
}

absl::Status InferCall::Skip() {
  Count(parts_.counters.skipped);
  return absl::CancelledError("the caller cancelled the request before it was computed");
}

void InferCall::Conclude(const absl::Status& status) {
  rooms_.clear();
  checked_ = {};  // free before the reply travels, and by a thread that the pool, not gRPC, has handed them to
  request_->Clear();
  if (entered_) parts_.gate.Answer(client_);
  if (const auto pushback = PushbackOf(status)) {
    context_->AddTrailingMetadata(kPushbackMetadata, absl::StrCat(pushback->count()));
  }
  Finish(ToGrpc(Shortened(status)));
}

void InferCall::OnDone() {
  if (entered_) parts_.gate.Leave(client_);
  delete this;
}

}  // namespace edl
