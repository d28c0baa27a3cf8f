// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/field_count.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/inference.pb.h"

namespace edl {
namespace {

constexpr int kMany = 100'000;

// Field 100 of any message, which has none: a number of one byte.
std::string UnknownFields(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += "\xa0\x06\x01";
  return bytes;
}

// Field `number` of that content.
std::string Field(int number, const std::string& content) {
  std::string bytes(1, static_cast<char>(number << 3 | 2));
  std::size_t size = content.size();
  for (; size >= 128; size >>= 7) bytes += static_cast<char>(size | 128);
  return bytes + static_cast<char>(size) + content;
}

TEST(FieldCount, AMessageOfManyNumbersAndParametersIsFine) {
  inference::ModelInferResponse reply;
  auto& output = *reply.add_outputs();
  for (int i = 0; i < kMany; ++i) output.mutable_contents()->add_fp32_contents(1);
  for (int i = 0; i < 1000; ++i) (*output.mutable_parameters())["p" + std::to_string(i)].set_int64_param(i);
  EXPECT_TRUE(CheckFieldCount(reply.SerializeAsString()).ok());
}

TEST(FieldCount, FindsManyFieldsWhereverProtobufWouldMakeThemObjects) {
  const std::string many = UnknownFields(kMany);
  const std::string value = Field(2, many), entry = Field(4, value);
  for (const std::string& message : {many, Field(5, many), Field(5, Field(5, many)), Field(6, many), entry,
                                     Field(5, entry), Field(6, Field(2, value))}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckFieldCount(message)));
  }
}

TEST(FieldCount, AGroupWhichMayHoldAnyNumberIsRefused) {
  const std::string group = "\xa3\x06" + UnknownFields(1) + "\xa4\x06";
  EXPECT_TRUE(absl::IsInvalidArgument(CheckFieldCount(group)));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckFieldCount(Field(5, group))));
}

}  // namespace
}  // namespace edl
