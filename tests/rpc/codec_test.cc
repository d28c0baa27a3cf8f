// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/codec.h"

#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "proto/inference.pb.h"
#include "src/rpc/model_metadata.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

grpc::ByteBuffer ToBuffer(const std::string& bytes, std::size_t slice_size) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += slice_size) slices.emplace_back(bytes.substr(at, slice_size));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

std::string ToString(const WireTensor& tensor) {
  std::string bytes;
  for (const Fragment& f : tensor.fragments) bytes.append(static_cast<const char*>(f.data), f.size);
  return bytes;
}

InferRequest SomeRequest() {
  InferRequest request{"resnet", "3", "id-7", {}, {{"score"}}};
  std::vector<std::uint8_t> pixels(5000);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7);
  request.inputs.push_back(ToWireTensor("image", Tensor::FromVector<std::uint8_t>({2, 2500}, pixels).value()));
  request.inputs.push_back(ToWireTensor("weight", Tensor::FromVector<float>({2}, {1.5f, 2.5f}).value()));
  return request;
}

TEST(Codec, WritesWhatProtobufReads) {
  InferRequest request = SomeRequest();
  inference::ModelInferRequest proto;
  ASSERT_TRUE(proto.ParseFromString(ToString(EncodeRequest(request).value())));
  EXPECT_EQ(proto.model_name(), "resnet");
  EXPECT_EQ(proto.model_version(), "3");
  EXPECT_EQ(proto.id(), "id-7");
  ASSERT_EQ(proto.inputs_size(), 2);
  EXPECT_EQ(proto.inputs(0).datatype(), "UINT8");
  EXPECT_EQ(proto.inputs(0).shape(1), 2500);
  EXPECT_EQ(proto.outputs(0).name(), "score");
  ASSERT_EQ(proto.raw_input_contents_size(), 2);
  EXPECT_EQ(proto.raw_input_contents(0), ToString(request.inputs[0]));
  EXPECT_EQ(proto.raw_input_contents(1), ToString(request.inputs[1]));
}

TEST(Codec, BorrowsLargeTensors) {
  InferRequest request = SomeRequest();
  grpc::ByteBuffer buffer = EncodeRequest(request).value();
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(buffer.Dump(&slices).ok());
  bool borrowed = false;
  for (const grpc::Slice& slice : slices) borrowed |= slice.begin() == request.inputs[0].fragments[0].data;
  EXPECT_TRUE(borrowed);
}

TEST(Codec, KeepsBorrowedBytesAliveUntilTheBufferIsGone) {
  auto owner = std::make_shared<std::string>(4096, 'x');
  std::weak_ptr<std::string> watch = owner;
  InferRequest request;
  request.inputs.push_back({{"x", DType::kUint8, {4096}}, {{owner->data(), owner->size(), owner}}});
  absl::StatusOr<grpc::ByteBuffer> buffer = EncodeRequest(request);
  owner.reset();
  request = {};
  EXPECT_FALSE(watch.expired());
  buffer->Clear();
  EXPECT_TRUE(watch.expired());
}

TEST(Codec, ReadsItsOwnRequestsAndReplies) {
  InferRequest request = DecodeRequest(EncodeRequest(SomeRequest()).value()).value();
  EXPECT_EQ(request.inputs[0].spec, SomeRequest().inputs[0].spec);
  EXPECT_EQ(ToString(request.inputs[0]), ToString(SomeRequest().inputs[0]));
  ASSERT_EQ(request.outputs.size(), 1u);
  EXPECT_EQ(request.outputs[0].name, "score");
  EXPECT_FALSE(request.outputs[0].compression);

  InferReply reply{"resnet", "3", "id-7", SomeRequest().inputs};
  InferReply decoded = DecodeReply(EncodeReply(reply).value()).value();
  EXPECT_EQ(decoded.model_name, "resnet");
  EXPECT_EQ(ToString(decoded.outputs[1]), ToString(reply.outputs[1]));
}

TEST(Codec, SaysHowTensorsAreCompressed) {
  InferRequest request = SomeRequest();
  request.inputs[0].compressed = FieldCompression{DType::kUint8, 0.25, 7};
  request.outputs[0].compression = PredictionCompression{DType::kFp16, 5, Scores::kProbabilities, 2};
  const std::string bytes = ToString(EncodeRequest(request).value());
  const InferRequest decoded = DecodeRequest(ToBuffer(bytes, 1000)).value();
  ASSERT_TRUE(decoded.inputs[0].compressed);
  EXPECT_EQ(decoded.inputs[0].compressed->ToString(), "UINT8 x 0.25 from 7");
  EXPECT_FALSE(decoded.inputs[1].compressed);
  ASSERT_TRUE(decoded.outputs[0].compression);
  EXPECT_EQ(decoded.outputs[0].compression->ToString(), "top 5 probabilities in FP16");

  inference::ModelInferRequest proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  auto& input = *proto.mutable_inputs(0)->mutable_parameters();
  auto& output = *proto.mutable_outputs(0)->mutable_parameters();
  auto refusal = [&](inference::InferParameter& parameter, auto&& change) {
    const inference::InferParameter was = parameter;
    change(parameter);
    const absl::Status status = DecodeRequest(ToBuffer(proto.SerializeAsString(), 1000)).status();
    parameter = was;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal(input["compressed_from"], [](auto& p) { p.set_string_param("INT8"); }),
              HasSubstr("input 'image': parameter 'compressed_from' is 'INT8'; expected 'FP32'"));
  EXPECT_THAT(refusal(input["scale"], [](auto& p) { p.set_double_param(0); }), HasSubstr("scale is 0; expected"));
  EXPECT_THAT(refusal(input["scale"], [](auto& p) { p.set_bool_param(true); }), HasSubstr("'scale' is no number"));
  EXPECT_THAT(refusal(input["zero_point"], [](auto& p) { p.set_int64_param(INT64_MAX); }),
              HasSubstr("expected 0 to 255"));
  EXPECT_THAT(refusal(output["datatype"], [](auto& p) { p.set_string_param("FP8"); }),
              HasSubstr("output 'score': parameter 'datatype' is 'FP8'; expected 'FP32' or 'FP16'"));
  EXPECT_THAT(refusal(output["datatype"], [](auto& p) { p.set_string_param("INT8"); }),
              HasSubstr("expected FP32 or FP16"));
  EXPECT_THAT(refusal(output["top_k"], [](auto& p) { p.set_int64_param(-1); }), HasSubstr("top_k is -1"));
  EXPECT_THAT(refusal(output["scores"], [](auto& p) { p.set_string_param("logit"); }),
              HasSubstr("'scores' is 'logit'; expected 'logits' or 'probabilities'"));
  EXPECT_THAT(refusal(output["temperature"], [](auto& p) { p.set_double_param(-4); }), HasSubstr("temperature is -4"));
}

TEST(Codec, GivesNoPlaceInTheRawContentsToWhatLiesInSharedMemory) {
  InferRequest request = SomeRequest();
  request.inputs[0].fragments.clear();
  request.inputs[0].shared = SharedMemoryRef{"region", 128, SomeRequest().inputs[0].byte_size()};
  const std::string bytes = ToString(EncodeRequest(request).value());
  inference::ModelInferRequest proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  ASSERT_EQ(proto.raw_input_contents_size(), 1);
  EXPECT_EQ(proto.inputs(0).parameters().at("shared_memory_region").string_param(), "region");
  EXPECT_EQ(proto.inputs(0).parameters().at("shared_memory_offset").int64_param(), 128);

  InferRequest decoded = DecodeRequest(ToBuffer(bytes, 1000)).value();
  ASSERT_TRUE(decoded.inputs[0].shared);
  EXPECT_EQ(decoded.inputs[0].shared->offset, 128u);
  EXPECT_EQ(decoded.inputs[0].byte_size(), SomeRequest().inputs[0].byte_size());
  EXPECT_EQ(ToString(decoded.inputs[1]), ToString(SomeRequest().inputs[1]));

  InferReply reply{"resnet", "3", "", request.inputs};
  EXPECT_THAT(std::string(DecodeReply(EncodeReply(reply).value()).status().message()),
              ::testing::HasSubstr("lies in shared memory, which nobody asked for"));
}

TEST(Codec, FindsTensorsWhereverTheSlicesAreCut) {
  std::string bytes = ToString(EncodeRequest(SomeRequest()).value());
  for (std::size_t slice_size : {1, 2, 3, 7, 100, 4096}) {
    absl::StatusOr<InferRequest> request = DecodeRequest(ToBuffer(bytes, slice_size));
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(ToString(request->inputs[0]), ToString(SomeRequest().inputs[0]));
  }
}

TEST(Codec, UnderstandsTypedContents) {
  inference::ModelInferResponse proto;
  auto* output = proto.add_outputs();
  output->set_name("score");
  output->set_datatype("FP32");
  output->add_shape(2);
  output->mutable_contents()->add_fp32_contents(0.5f);
  output->mutable_contents()->add_fp32_contents(std::numeric_limits<float>::quiet_NaN());
  auto* label = proto.add_outputs();
  label->set_name("label");
  label->set_datatype("INT8");
  label->add_shape(1);
  label->mutable_contents()->add_int_contents(-3);
  InferReply reply = DecodeReply(ToBuffer(proto.SerializeAsString(), 1000)).value();
  EXPECT_EQ(Join({&reply.outputs[0]})->data_as<float>()[0], 0.5f);
  EXPECT_EQ(Join({&reply.outputs[1]})->data_as<std::int8_t>()[0], -3);

  label->mutable_contents()->set_int_contents(0, 300);
  EXPECT_EQ(DecodeReply(ToBuffer(proto.SerializeAsString(), 1000)).status().message(),
            "output 'label': element 300 is out of the datatype's range");
}

TEST(Codec, RefusesWhatDoesNotAddUp) {
  inference::ModelInferRequest good;
  auto* input = good.add_inputs();
  input->set_name("image");
  input->set_datatype("FP32");
  input->add_shape(1);
  input->add_shape(2);
  good.add_raw_input_contents("12345678");
  ASSERT_TRUE(DecodeRequest(ToBuffer(good.SerializeAsString(), 1000)).ok());

  auto message = [](const inference::ModelInferRequest& request) {
    absl::Status status = DecodeRequest(ToBuffer(request.SerializeAsString(), 1000)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  auto bad = good;
  bad.set_raw_input_contents(0, "123");
  EXPECT_EQ(message(bad), "input 'image': FP32 [1, 2] takes 2 x 4 bytes, got 3");
  bad = good;
  bad.add_raw_input_contents("1234");
  EXPECT_EQ(message(bad), "raw_input_contents has 2 entries for 1 inputs; expected one for each");
  bad = good;
  bad.clear_raw_input_contents();
  EXPECT_EQ(message(bad), "input 'image': FP32 [1, 2] takes 2 x 4 bytes, got 0");
  bad = good;
  bad.mutable_inputs(0)->set_datatype("FLOAT");
  EXPECT_EQ(message(bad), "input 'image': unknown datatype 'FLOAT'");
  bad = good;
  bad.mutable_inputs(0)->set_shape(0, -2);
  EXPECT_EQ(message(bad), "input 'image': shape [-2, 2] has a negative dimension");
  bad = good;
  bad.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(message(bad), "input 'image': has typed contents in a message with raw contents; they never mix");
}

TEST(Codec, TellsAServersTimesToWhoAskedForThem) {
  InferRequest request = SomeRequest();
  EXPECT_FALSE(DecodeRequest(EncodeRequest(request).value())->times);
  request.times = true;
  EXPECT_TRUE(DecodeRequest(EncodeRequest(request).value())->times);
  InferReply reply{"resnet", "3", "id-7", {}};
  EXPECT_FALSE(DecodeReply(EncodeReply(reply).value())->times);
  reply.times = ReplyTimes{std::chrono::nanoseconds(3), std::chrono::nanoseconds(4)};
  const std::optional<ReplyTimes> told = DecodeReply(EncodeReply(reply).value())->times;
  ASSERT_TRUE(told);
  EXPECT_EQ(told->queue, std::chrono::nanoseconds(3));
  EXPECT_EQ(told->compute, std::chrono::nanoseconds(4));
}

TEST(Codec, TakesAReplyWhoseTimesMakeNoSense) {
  for (const auto& make : std::vector<std::function<void(inference::ModelInferResponse&)>>{
           [](auto& reply) { (*reply.mutable_parameters())["queue_ns"].set_int64_param(-1); },
           [](auto& reply) { (*reply.mutable_parameters())["queue_ns"].set_int64_param(INT64_MAX); },
           [](auto& reply) { (*reply.mutable_parameters())["compute_ns"].set_string_param("long"); },
           [](auto& reply) { reply.mutable_parameters()->erase("compute_ns"); }}) {
    inference::ModelInferResponse reply;
    (*reply.mutable_parameters())["queue_ns"].set_int64_param(1);
    (*reply.mutable_parameters())["compute_ns"].set_int64_param(2);
    make(reply);
    absl::StatusOr<InferReply> decoded = DecodeReply(ToBuffer(reply.SerializeAsString(), 1000));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_FALSE(decoded->times) << reply.ShortDebugString();
  }
}

TEST(Codec, SurvivesBrokenBytes) {
  const std::string good = ToString(EncodeRequest(SomeRequest()).value());
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good.substr(0, random() % (good.size() + 1));
    for (unsigned flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % std::min<std::size_t>(bytes.size(), 128)] ^= static_cast<char>(1 + random() % 255);
    }
    absl::StatusOr<InferRequest> request = DecodeRequest(ToBuffer(bytes, 1 + random() % 2000));
    EXPECT_TRUE(request.ok() || absl::IsInvalidArgument(request.status())) << request.status();
  }
}

TEST(ModelMetadata, SurvivesTheRoundTrip) {
  ModelInfo info{"m", "2", "fake", {{"image", DType::kUint8, {-1, 3, 8, 8}}}, {{"score", DType::kFp32, {-1, 10}}}};
  EXPECT_EQ(FromProto(ToProto(info))->ToString(), info.ToString());
}

TEST(ModelMetadata, RefusesWhatNoServerMeans) {
  const TensorSpec x = {"x", DType::kFp32, {-1, 2}};
  EXPECT_THAT(FromProto(ToProto({"m", "", "", {x, x}, {}})).status().message(),
              HasSubstr("the model has more than one input 'x'"));
  EXPECT_THAT(FromProto(ToProto({"m", "", "", {x}, {x, x}})).status().message(), HasSubstr("more than one output"));
  for (std::int64_t columns : {std::int64_t{1} << 29, INT64_MAX}) {
    EXPECT_THAT(FromProto(ToProto({"m", "", "", {{"x", DType::kFp32, {-1, columns}}}, {}})).status().message(),
                HasSubstr("is larger than a message can be (2 GiB)"));
  }
  EXPECT_TRUE(FromProto(ToProto({"m", "", "", {{"x", DType::kFp32, {-1, (1 << 29) - 1}}}, {}})).ok());
}

}  // namespace
}  // namespace edl
