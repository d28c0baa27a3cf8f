// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/model_sidecar.h"

#include <cstdio>
#include <fstream>

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

std::string WhyNot(const std::string& json) {
  return std::string(ParseModelSidecar(json).status().message());
}

TEST(ModelSidecar, DescribesAModelInTheProtocolsWords) {
  auto info = ParseModelSidecar(R"({
    "name": "resnet", "version": "3",
    "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 3, 224, 224]},
               {"name": "scale", "datatype": "FP16", "shape": [-1]}],
    "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, 1000]}]})");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->name, "resnet");
  EXPECT_EQ(info->version, "3");
  EXPECT_EQ(info->inputs,
            (std::vector<TensorSpec>{{"image", DType::kUint8, {-1, 3, 224, 224}}, {"scale", DType::kFp16, {-1}}}));
  EXPECT_EQ(info->outputs, (std::vector<TensorSpec>{{"score", DType::kFp32, {-1, 1000}}}));
}

TEST(ModelSidecar, NameAndVersionMayBeLeftOut) {
  auto info = ParseModelSidecar(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
                                    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}]})");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->name, "");
}

TEST(ModelSidecar, SaysWhichEntryMakesNoSenseAndWhatWouldDo) {
  EXPECT_THAT(WhyNot("{\n  \"inputs\": oops"), HasSubstr("not JSON"));
  EXPECT_THAT(WhyNot("{\n  \"inputs\": oops"), HasSubstr("line 2"));
  EXPECT_THAT(WhyNot("[1]"), HasSubstr("expected an object with inputs and outputs"));
  EXPECT_THAT(WhyNot(R"({"input": []})"), HasSubstr("nobody knows 'input'"));
  EXPECT_THAT(WhyNot(R"({"outputs": []})"), HasSubstr("'inputs' is no list of {"));
  auto input = [](const std::string& entry) { return WhyNot(R"({"inputs": [)" + entry + "]}"); };
  EXPECT_THAT(input("3"), HasSubstr("inputs[0] is 3; expected an object"));
  EXPECT_THAT(input(R"({"datatype": "FP32", "shape": [-1]})"), HasSubstr("inputs[0].'name' is missing"));
  EXPECT_THAT(input(R"({"name": 5, "datatype": "FP32", "shape": [-1]})"), HasSubstr("inputs[0].name is 5"));
  EXPECT_THAT(input(R"({"name": "x", "datatype": "float", "shape": [-1]})"),
              HasSubstr("inputs[0].datatype: 'float' is no data type; expected one of BOOL, UINT8"));
  EXPECT_THAT(input(R"({"name": "x", "datatype": "FP32"})"), HasSubstr("inputs[0].'shape' is missing"));
  for (const char* shape : {"[]", "[-2]", "[1.5]", "[99999999999999999999]", "\"[-1]\"", "[\"-1\"]"}) {
    EXPECT_THAT(input(R"({"name": "x", "datatype": "FP32", "shape": )" + std::string(shape) + "}"),
                HasSubstr("inputs[0].shape is "))
        << shape;
  }
}

TEST(ModelSidecar, ANumberBeyondDoublesRangeIsRefusedAndDoesNotThrow) {
  EXPECT_THAT(WhyNot(R"({"inputs": [1e999]})"), HasSubstr("not JSON"));
}

TEST(ModelSidecar, ADimensionBeyondInt64IsRefusedAndNotTakenForAny) {
  EXPECT_THAT(WhyNot(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 18446744073709551615]}]})"),
              HasSubstr("inputs[0].shape is [-1,18446744073709551615]"));
}

TEST(ModelSidecar, DeepNestingIsRefusedAndDoesNotOverflowTheStack) {
  const std::size_t deep = 300'000;
  EXPECT_THAT(WhyNot(R"({"inputs": )" + std::string(deep, '[') + std::string(deep, ']') + "}"),
              HasSubstr("nested more than 16 levels deep"));
}

TEST(ModelSidecar, AFixedNumberOfRowsIsRefusedHereAndNotByEveryStudent) {
  const std::string why = WhyNot(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [32, 3, 224, 224]}]})");
  EXPECT_THAT(why, HasSubstr("inputs[0].shape is [32,3,224,224]; expected a list of dimensions, -1 first"));
}

TEST(ModelSidecar, AFileThatIsNotThereIsNotFound) {
  auto info = ReadModelSidecar("/no/such/sidecar.json");
  EXPECT_EQ(info.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("/no/such/sidecar.json"));
}

TEST(ModelSidecar, AFileThatMakesNoSenseIsNamed) {
  const std::string file = ::testing::TempDir() + "/edl_sidecar_test.json";
  std::ofstream(file) << "{";
  EXPECT_THAT(std::string(ReadModelSidecar(file).status().message()), HasSubstr(file));
  std::remove(file.c_str());
}

TEST(TensorSpecFlag, IsNameDatatypeAndShape) {
  EXPECT_EQ(ParseTensorSpec("image:UINT8:-1,3,224,224").value(),
            (TensorSpec{"image", DType::kUint8, {-1, 3, 224, 224}}));
  for (const char* text :
       {"", "image", "image:UINT8", "image:UINT8:", ":UINT8:-1", "image:UINT8:-1,x", "a:b:c:d", "image:UINT8:-2"}) {
    EXPECT_THAT(std::string(ParseTensorSpec(text).status().message()), HasSubstr("expected NAME:DATATYPE:SHAPE"))
        << text;
  }
  EXPECT_THAT(std::string(ParseTensorSpec("image:uint8:-1").status().message()), HasSubstr("expected one of BOOL"));
  EXPECT_THAT(std::string(ParseTensorSpec("image:UINT8:32,3").status().message()),
              HasSubstr("expected -1 as its first"));
}

}  // namespace
}  // namespace edl
