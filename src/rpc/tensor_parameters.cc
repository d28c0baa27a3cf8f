// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/tensor_parameters.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

// A tensor's parameters that say where in shared memory it lies.
constexpr char kRegion[] = "shared_memory_region";
constexpr char kByteSize[] = "shared_memory_byte_size";
constexpr char kOffset[] = "shared_memory_offset";

// Those that say how a tensor is, or is to be, compressed. A tensor's:
constexpr char kCompressedFrom[] = "compressed_from";  // "FP32"
constexpr char kScale[] = "scale";
constexpr char kZeroPoint[] = "zero_point";
// A requested output's:
constexpr char kDatatype[] = "datatype";
constexpr char kTopK[] = "top_k";
constexpr char kScores[] = "scores";
constexpr char kTemperature[] = "temperature";
constexpr char kProbabilities[] = "probabilities";
constexpr char kLogits[] = "logits";

// A size in bytes; servers' clients send either kind of integer.
absl::StatusOr<std::uint64_t> BytesParameter(const TensorParameters& parameters, const char* name,
                                             std::uint64_t otherwise) {
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

absl::StatusOr<std::optional<SharedMemoryRef>> SharedMemoryOf(const TensorParameters& parameters) {
  auto region = parameters.find(kRegion);
  if (region == parameters.end()) return std::nullopt;
  SharedMemoryRef ref{region->second.string_param(), 0, 0};
  EDL_ASSIGN_OR_RETURN(ref.byte_size, BytesParameter(parameters, kByteSize, 0));
  EDL_ASSIGN_OR_RETURN(ref.offset, BytesParameter(parameters, kOffset, 0));
  return ref;
}

void WriteSharedMemory(const SharedMemoryRef& ref, TensorParameters& parameters) {
  parameters[kRegion].set_string_param(ref.region);
  parameters[kByteSize].set_int64_param(static_cast<std::int64_t>(ref.byte_size));
  if (ref.offset != 0) parameters[kOffset].set_int64_param(static_cast<std::int64_t>(ref.offset));
}

// A number of any kind; servers' clients are not always exact.
absl::StatusOr<double> NumberParameter(const TensorParameters& parameters, const char* name, double otherwise) {
  auto found = parameters.find(name);
  if (found == parameters.end()) return otherwise;
  const inference::InferParameter& parameter = found->second;
  if (parameter.has_double_param()) return parameter.double_param();
  if (parameter.has_int64_param()) return static_cast<double>(parameter.int64_param());
  if (parameter.has_uint64_param()) return static_cast<double>(parameter.uint64_param());
  return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' is no number"));
}

absl::StatusOr<std::int64_t> IntegerParameter(const TensorParameters& parameters, const char* name) {
  auto found = parameters.find(name);
  if (found == parameters.end()) return 0;
  if (found->second.has_int64_param()) return found->second.int64_param();
  return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' is no int64"));
}

absl::StatusOr<std::optional<FieldCompression>> CompressionOf(const TensorParameters& parameters, DType dtype) {
  auto from = parameters.find(kCompressedFrom);
  if (from == parameters.end()) return std::nullopt;
  if (from->second.string_param() != DTypeName(DType::kFp32)) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameter '", kCompressedFrom, "' is '", from->second.string_param(), "'; expected 'FP32'"));
  }
  FieldCompression how{dtype};
  EDL_ASSIGN_OR_RETURN(how.scale, NumberParameter(parameters, kScale, 0));
  EDL_ASSIGN_OR_RETURN(const std::int64_t zero_point, IntegerParameter(parameters, kZeroPoint));
  how.zero_point = static_cast<int>(std::clamp<std::int64_t>(zero_point, -1, 256));  // what is outside stays outside
  EDL_RETURN_IF_ERROR(how.Validate());
  return how;
}

absl::StatusOr<std::optional<PredictionCompression>> AskedCompression(const TensorParameters& parameters) {
  const auto datatype = parameters.find(kDatatype), scores = parameters.find(kScores);
  if (datatype == parameters.end() && parameters.count(kTopK) == 0) return std::nullopt;
  PredictionCompression how;
  if (datatype != parameters.end()) {
    const std::optional<DType> dtype = ParseDType(datatype->second.string_param());
    if (!dtype) {
      return absl::InvalidArgumentError(absl::StrCat("parameter '", kDatatype, "' is '",
                                                     datatype->second.string_param(), "'; expected 'FP32' or 'FP16'"));
    }
    how.dtype = *dtype;
  }
  EDL_ASSIGN_OR_RETURN(how.top_k, IntegerParameter(parameters, kTopK));
  if (scores != parameters.end()) {
    const std::string& what = scores->second.string_param();
    if (what != kProbabilities && what != kLogits) {
      return absl::InvalidArgumentError(absl::StrCat("parameter '", kScores, "' is '", what, "'; expected '", kLogits,
                                                     "' or '", kProbabilities, "'"));
    }
    how.scores = what == kProbabilities ? Scores::kProbabilities : Scores::kLogits;
  }
  EDL_ASSIGN_OR_RETURN(how.temperature, NumberParameter(parameters, kTemperature, 1));
  EDL_RETURN_IF_ERROR(how.Validate());
  return how;
}

}  // namespace

bool LiesInSharedMemory(const TensorParameters& parameters) {
  return parameters.count(kRegion) != 0;
}

void WriteTensorParameters(const WireTensor& tensor, TensorParameters& parameters) {
  if (tensor.compressed) {
    parameters[kCompressedFrom].set_string_param(DTypeName(DType::kFp32));
    if (tensor.compressed->dtype == DType::kUint8) {
      parameters[kScale].set_double_param(tensor.compressed->scale);
      parameters[kZeroPoint].set_int64_param(tensor.compressed->zero_point);
    }
  }
  if (tensor.shared) WriteSharedMemory(*tensor.shared, parameters);
}

absl::Status ReadTensorParameters(const TensorParameters& parameters, WireTensor& tensor) {
  EDL_ASSIGN_OR_RETURN(tensor.shared, SharedMemoryOf(parameters));
  EDL_ASSIGN_OR_RETURN(tensor.compressed, CompressionOf(parameters, tensor.spec.dtype));
  return absl::OkStatus();
}

void WriteOutputParameters(const RequestedOutput& output, TensorParameters& parameters) {
  if (output.shared) WriteSharedMemory(*output.shared, parameters);
  if (!output.compression) return;
  const PredictionCompression& how = *output.compression;
  parameters[kDatatype].set_string_param(DTypeName(how.dtype));
  if (how.top_k == 0) return;
  parameters[kTopK].set_int64_param(how.top_k);
  parameters[kScores].set_string_param(how.scores == Scores::kProbabilities ? kProbabilities : kLogits);
  parameters[kTemperature].set_double_param(how.temperature);
}

absl::Status ReadOutputParameters(const TensorParameters& parameters, RequestedOutput& output) {
  EDL_ASSIGN_OR_RETURN(output.shared, SharedMemoryOf(parameters));
  EDL_ASSIGN_OR_RETURN(output.compression, AskedCompression(parameters));
  return absl::OkStatus();
}

}  // namespace edl
