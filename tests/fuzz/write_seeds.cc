// SPDX-License-Identifier: Apache-2.0
// write_seeds FOLDER: writes the seeds of the fuzz targets' corpora, FOLDER/NOUN/NAME, anew. Messages come from our own
// encoders and from protobuf, texts are written by hand. What each target's input looks like stands at its top.
// A run may put a tensor's parameters in another order than the last: a protobuf map has none.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/inference.pb.h"
#include "src/reader/student_numbers.h"
#include "src/rpc/codec.h"
#include "src/rpc/model_metadata.h"
#include "src/tensor/bytes_elements.h"
#include "src/trace/trace_json.h"

namespace edl {
namespace {

std::filesystem::path root;

void Write(const std::string& noun, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(root / noun);
  std::ofstream(root / noun / name, std::ios::binary) << bytes;
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) std::abort();
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

std::string Letters(std::initializer_list<int> values) {
  return std::string(values.begin(), values.end());
}

// How many cuts, then two bytes each.
const std::string kWhole = Letters({0});
const std::string kInThree = Letters({2, 9, 0, 27, 0});
const std::string kInPieces = Letters({8, 1, 0, 0, 0, 3, 0, 40, 0, 1, 0, 1, 0, 2, 0, 5, 0});

WireTensor Strings(const std::string& name, Shape shape, const std::vector<std::string>& values) {
  return ToWireTensor(name, Tensor::FromStrings(std::move(shape), values).value());
}

void WriteReplies() {
  const WireTensor score = ToWireTensor("score", Tensor::FromVector<float>({2, 3}, {0, 1, 2, 3, 4, 5}).value());
  const std::string plain = Bytes(EncodeReply({"m", "1", "7", {score}}).value());
  Write("infer_reply", "fp32", Letters({0, 2}) + kWhole + plain);
  Write("infer_reply", "fp32_in_three", Letters({0, 2}) + kInThree + plain);
  const std::uint8_t halves[] = {0, 1, 2, 3, 4, 5, 0, 0x7c, 1, 2, 3, 4};
  const Tensor fp16 = Tensor::Copy(DType::kFp16, {2, 3}, halves, sizeof halves).value();
  const WireTensor label = ToWireTensor("label", Tensor::FromVector<std::int8_t>({2}, {1, -1}).value());
  Write("infer_reply", "fp16_infinite",
        Letters({1, 2}) + kInPieces + Bytes(EncodeReply({"", "", "", {label, ToWireTensor("score", fp16)}}).value()));
  Write("infer_reply", "bytes",
        Letters({2, 2}) + kInPieces +
            Bytes(EncodeReply({"m", "", "", {Strings("score", {2, 2}, {"", "a", "bc", "def"})}}).value()));
  const WireTensor deep = ToWireTensor("score", Tensor::FromVector<double>({1, 1, 2, 1}, {1, 2}).value());
  Write("infer_reply", "fp64", Letters({3, 1}) + kInPieces + Bytes(EncodeReply({"", "", "", {deep}}).value()));
  Write("infer_reply", "all_scores_of_which_two_are_wanted", Letters({4, 2}) + kInThree + plain);
  const std::uint8_t best[] = {0, 0x3c, 0, 0x38, 0, 0x3c, 0, 0x38};  // 1, 0.5
  const WireTensor values = ToWireTensor("score", Tensor::Copy(DType::kFp16, {2, 2}, best, sizeof best).value());
  const WireTensor index = ToWireTensor("score.index", Tensor::FromVector<std::int32_t>({2, 2}, {0, 1, 2, 0}).value());
  const WireTensor rest = ToWireTensor("score.rest", Tensor::FromVector<float>({2}, {0.5f, 0.25f}).value());
  Write("infer_reply", "top_two",
        Letters({4, 2}) + kInPieces + Bytes(EncodeReply({"m", "1", "", {values, index, rest}}).value()));
  const ReplyTimes times{std::chrono::microseconds(5), std::chrono::milliseconds(7)};
  Write("infer_reply", "times",
        Letters({0, 2}) + kInThree + Bytes(EncodeReply({"m", "1", "", {score}, times}).value()));
  inference::ModelInferResponse typed;
  typed.set_model_name("m");
  auto* output = typed.add_outputs();
  output->set_name("score");
  output->set_datatype("FP32");
  for (int d : {1, 2}) output->add_shape(d);
  for (float f : {0.5f, 0.25f}) output->mutable_contents()->add_fp32_contents(f);
  Write("infer_reply", "typed", Letters({0, 1}) + kInThree + typed.SerializeAsString());
  typed.mutable_outputs(0)->clear_contents();
  (*typed.mutable_outputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("region");
  Write("infer_reply", "shared_memory", Letters({0, 1}) + kWhole + typed.SerializeAsString());
}

void WriteRequests() {
  const WireTensor pixels = ToWireTensor("x", Tensor::FromVector<std::uint8_t>({2, 2}, {1, 2, 3, 4}).value());
  Write("infer_request", "uint8",
        Letters({0}) + kInThree + Bytes(EncodeRequest({"m", "1", "7", {pixels}, {{"label"}}}).value()));
  Write("infer_request", "times",
        Letters({0}) + kInThree + Bytes(EncodeRequest({"m", "1", "", {pixels}, {}, /*times=*/true}).value()));
  const WireTensor pair = ToWireTensor("x", Tensor::FromVector<float>({2, 2}, {1, 2, 3, 4}).value());
  const InferRequest two{"m", "", "", {Strings("text", {2}, {"one", ""}), pair}, {}};
  Write("infer_request", "fp32_and_bytes", Letters({1}) + kInPieces + Bytes(EncodeRequest(two).value()));
  Write(
      "infer_request", "bytes",
      Letters({2}) + kInThree + Bytes(EncodeRequest({"", "", "", {Strings("x", {1, 2, 1}, {"a", "b"})}, {}}).value()));
  WireTensor shared{{"x", DType::kFp32, {2, 2}}, {}, SharedMemoryRef{"region", 5, 16}};
  const InferRequest half{"m", "", "", {shared, Strings("text", {2}, {"", "x"})}, {{"score"}}};
  Write("infer_request", "shared_memory", Letters({1}) + kInPieces + Bytes(EncodeRequest(half).value()));
  shared = {{"x", DType::kBytes, {1, 1, 1}}, {}, SharedMemoryRef{"region", 5, 7}};
  Write("infer_request", "bytes_in_shared_memory",
        Letters({2}) + kWhole + Bytes(EncodeRequest({"", "", "", {shared}, {}}).value()));
  WireTensor small = ToWireTensor("x", Tensor::FromVector<std::uint8_t>({2, 2}, {1, 2, 3, 4}).value());
  small.compressed = FieldCompression{DType::kUint8, 0.5, 3};
  const RequestedOutput top{"score", PredictionCompression{DType::kFp16, 1, Scores::kProbabilities, 4}};
  Write("infer_request", "compressed",
        Letters({1}) + kInPieces +
            Bytes(EncodeRequest({"m", "", "", {small, Strings("text", {2}, {"", "x"})}, {top}}).value()));
  inference::ModelInferRequest typed;
  auto* input = typed.add_inputs();
  input->set_name("x");
  input->set_datatype("INT16");
  for (int d : {1, 1, 1, 2}) input->add_shape(d);
  for (int i : {-5, 5}) input->mutable_contents()->add_int_contents(i);
  (*typed.mutable_parameters())["timeout"].set_int64_param(5);
  typed.add_outputs()->set_name("score");
  Write("infer_request", "typed", Letters({3}) + kInThree + typed.SerializeAsString());
}

void WriteElements() {
  inference::InferTensorContents contents;
  contents.add_bool_contents(true);
  for (int i : {-1, 127}) contents.add_int_contents(i);
  contents.add_int64_contents(-5);
  for (unsigned i : {1U, 255U}) contents.add_uint_contents(i);
  contents.add_uint64_contents(1);
  contents.add_fp32_contents(0.5f);
  contents.add_fp64_contents(0.25);
  for (const char* text : {"", "abc"}) contents.add_bytes_contents(text);
  for (int dtype = 0; dtype < static_cast<int>(kDTypeCount); ++dtype) {
    Write("typed_contents", DTypeName(static_cast<DType>(dtype)), Letters({dtype}) + contents.SerializeAsString());
  }
  std::string elements;
  for (const char* text : {"", "a", "bc", "a longer text"}) AppendBytesElement(text, elements);
  Write("bytes_elements", "row", Letters({4, 0}) + elements);
  Write("bytes_elements", "table", Letters({2, 2}) + elements);
  Write("bytes_elements", "cut_off", Letters({2, 2}) + elements.substr(0, 12));
  Write("bytes_elements", "left_over", Letters({3, 0}) + elements);
}

void WriteMetadata() {
  const TensorSpec score{"score", DType::kFp32, {-1, 10}};
  const ModelInfo info{
      "m", "2", "fake", {{"image", DType::kUint8, {-1, 3, 4}}, {"label", DType::kInt64, {-1}}}, {score}};
  Write("model_metadata", "two_inputs", ToProto(info).SerializeAsString());
  const ModelInfo flat{"m", "", "", {{"image", DType::kUint8, {-1, 12}}}, {score}};
  Write("model_metadata", "flat", ToProto(flat).SerializeAsString());
  inference::ModelMetadataResponse unknown = ToProto(flat);
  unknown.mutable_inputs(0)->set_datatype("FLOAT");
  Write("model_metadata", "unknown_datatype", unknown.SerializeAsString());
}

std::string Bulk(const std::string& text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

// Redis' protocol, after the question's number.
void WriteRedis() {
  const std::string loaded = Bulk("0123456789012345678901234567890123456789");
  const std::string change = absl::StrCat("*3\r\n", Bulk("t10.0.0.2:9898"), ":1\r\n", Bulk("draining 3"));
  Write("redis_reply", "changes", Letters({0}) + loaded + "*2\r\n:5\r\n*1\r\n" + change);
  Write("redis_reply", "everything",
        absl::StrCat(Letters({0}), loaded, "*4\r\n:5\r\n*1\r\n", Bulk("10.0.0.2:9898"), "*2\r\n", Bulk("10.0.0.2:9898"),
                     Bulk("serving 2"), "*1\r\n", Bulk("trainer:1:ab/8")));
  Write("redis_reply", "renewed", Letters({1}) + loaded + "*2\r\n:1\r\n:1700000000000\r\n");
  Write("redis_reply", "version", Letters({2}) + loaded + ":7\r\n");
  Write("redis_reply", "no_script", Letters({2}) + loaded + "-NOSCRIPT No matching script.\r\n" + loaded + ":7\r\n");
  Write("redis_reply", "scan",
        absl::StrCat(Letters({3}), "+OK\r\n*2\r\n", Bulk("0"), "*1\r\n", Bulk("/service/service/nodes/10.0.0.2:9898"),
                     loaded, ":1\r\n"));
  Write("redis_reply", "scan_held", Letters({3}) + "$-1\r\n");
  Write("redis_reply", "message",
        absl::StrCat(Letters({4}), "*3\r\n", Bulk("message"), Bulk("/service/service/events"), Bulk("7")));
  Write("redis_reply", "loading", Letters({2}) + "-LOADING Redis is loading the dataset in memory\r\n");
  Write("redis_reply", "resp3", Letters({0}) + loaded + "%1\r\n+a\r\n,1.5\r\n#t\r\n");

  Write("registry_record", "teachers", "t10.0.0.2:9898\tserving\t3\ntunix:/run/edl\tdraining\t1\nT10.0.0.3:1\tleft\n");
  Write("registry_record", "students", "ttrainer-1:4711\nstrainer-3:4711:9f86d081/8\nsother:1:a/0\nSother:1:a/0\n");
  Write("registry_record", "nonsense", "thttp://x\nt10.0.0.2:9898\tasleep\nt10.0.0.2:1\tserving\t0\ns/\nsa/-1\n");

  Write("redis_address", "plain", "redis://10.0.0.1:6379/2");
  Write("redis_address", "password", "redis://trainer:a#b@localhost");
  Write("redis_address", "tls_files", "rediss://trainer@host:1/2?password-file=/p&ca=/c&cert=/d&key=/k&server-name=n");
  Write("redis_address", "plaintext", "redis://:a#b@host?allow-plaintext-password=yes");
  Write("redis_address", "encoded", "redis://us%3Aer:p%40ss@[::1]:7000");
  Write("redis_address", "sentinels", "rediss+sentinel://:#@a:26379,b,[fe80::1%eth0]:3/my%20master/1");
  Write("redis_address", "tls", "rediss://host");
}

void WriteTexts() {
  Write("endpoint", "name", "teacher-1.example:9898");
  Write("endpoint", "ipv4", "127.0.0.1:1");
  Write("endpoint", "ipv6", "[::1]:65535");
  Write("endpoint", "scope", "[fe80::1%eth0]:80");
  Write("endpoint", "dns", "dns:///teachers:9898");
  Write("endpoint", "tls", "grpcs://teacher.lan:9898");
  Write("endpoint", "unix", "unix:///run/edl/socket");
  Write("environment", "teachers", "2\n10.0.0.2:9898, unix:/run/edl\n");
  Write("environment", "registry", "\n\nresnext101\nrediss://:#@10.0.0.1:6379");
  Write("environment", "service_alone", "\n\nresnext101\n");
  Write("environment", "no_number", "all\n");
  Write("listen_address", "any", "0.0.0.0:0");
  Write("listen_address", "ipv6", "[::]:9898");
  Write("listen_address", "unix", "unix:/run/edl");
  Write("listen_address", "no_port", "host");
  Write("pushback", "number", "250");
  Write("pushback", "negative", "-1");
  Write("pushback", "beyond", "99999999999999999999");
  Write("socket_address", "ipv4", "ipv4:10.0.0.2:43210");
  Write("socket_address", "ipv6", "ipv6:%5B2001:db8::1%5D:1");
  Write("socket_address", "zone", "ipv6:%5Bfe80::1%25eth0%5D:1");
  Write("socket_address", "unix", "unix:/run/edl");
  Write("tensor_spec", "image", "image:UINT8:-1,3,224,224");
  Write("tensor_spec", "label", "label:INT64:-1");
  Write("tensor_spec", "no_shape", "label:INT64:");
  const std::string entry = R"({"name": "x", "datatype": "UINT8", "shape": [-1, 3]})";
  Write("model_sidecar", "full",
        absl::StrCat(R"({"name": "m", "version": "1", "platform": "p", "inputs": [)", entry, R"(], "outputs": [)",
                     R"({"name": "y", "datatype": "FP32", "shape": [-1]})", "]}"));
  Write("model_sidecar", "no_shape", R"({"inputs": [{"name": "x", "datatype": "FP32"}]})");
  Write("model_sidecar", "misspelt", R"({"input": []})");
  Write("model_sidecar", "no_text", R"({"inputs": [{"name": 5, "datatype": "FP32", "shape": [-1]}]})");
  auto range = [](const std::string& offset, const std::string& size) { return offset + size; };
  const std::string ten = Letters({10, 0, 0, 0, 0, 0, 0, 0});
  Write("shared_memory", "part", range(ten, ten));
  Write("shared_memory", "end", range(Letters({90, 0, 0, 0, 0, 0, 0, 0}), ten));
  Write("shared_memory", "beyond", range(std::string(8, '\xff'), ten));
  Write("shared_memory", "key", range(ten, ten) + "/nobody");
  Write("shared_memory", "path", range(ten, ten) + "../shadow");
}

void WriteNumbers() {
  ReaderStats stats;
  stats.wall = std::chrono::seconds(2);
  stats.rows = 1000;
  LaneStats lane;
  lane.endpoint = "10.0.0.7:9898";
  lane.state = "ready";
  lane.completed = 10;
  lane.rows = 1000;
  lane.latency = std::chrono::milliseconds(80);
  stats.lanes = {lane};
  Write("member_numbers", "student", StudentNumbers().ToJson(stats));
  Write("member_numbers", "teacher",
        R"({"role":"teacher","uptime_s":12.5,"model":"m\u001b","device":"cuda:0","rows_per_s":1e3,"in_flight":-1})");
}

void WriteTraces() {
  TraceJson json{TimePoint()};
  std::string trace = TraceJson::Head() + TraceJson::Teacher(0, "a:1") + TraceJson::Teacher(1, "b:1");
  TraceEvent event;
  event.item = {0, 7};
  event.to = event.from + std::chrono::milliseconds(1);
  json.Append(event, trace);
  event.kind = TraceEvent::Kind::kAttempt;
  event.attempt.status = absl::StatusCode::kUnavailable;
  json.Append(event, trace);
  event.attempt.role = AttemptEvent::Role::kRetry;
  event.attempt.status = absl::StatusCode::kOk;
  event.attempt.teacher = 1;
  event.attempt.after = {0, 0, event.from};
  json.Append(event, trace);
  event.kind = TraceEvent::Kind::kReady;
  json.Append(event, trace);
  Write("timeline", "full", trace + json.Stopped(event.to, "it is full") + TraceJson::Tail());
  Write("timeline", "cut", trace.substr(0, trace.size() - 9));
  Write("timeline", "no_name", "[\n{\"ph\":\"X\"},\n{}\n]\n");
  Write("timeline", "other_form", "{\"traceEvents\":[]}\n");
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "write_seeds FOLDER\n");
    return 2;
  }
  edl::root = argv[1];
  edl::WriteReplies();
  edl::WriteRequests();
  edl::WriteElements();
  edl::WriteMetadata();
  edl::WriteRedis();
  edl::WriteTexts();
  edl::WriteNumbers();
  edl::WriteTraces();
  return 0;
}
