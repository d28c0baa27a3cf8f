// SPDX-License-Identifier: Apache-2.0
// Several inputs and several predictions at a time, of every datatype of the protocol: a teacher that gives back what
// it is sent.
#include <cstring>
#include <random>

#include "tests/support/rows.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

const DType kAll[] = {DType::kBool, DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
                      DType::kInt8, DType::kInt16, DType::kInt32,  DType::kInt64,  DType::kFp16,
                      DType::kBf16, DType::kFp32,  DType::kFp64,   DType::kBytes};

// Random bits, NaNs and all.
Tensor RandomTensor(DType dtype, Shape shape, std::mt19937_64& random) {
  const std::int64_t elements = ElementCount(shape).value();
  if (dtype == DType::kBytes) {
    std::vector<std::string> strings(elements);
    for (std::string& s : strings) s = std::string(random() % 2000, static_cast<char>(random()));
    return Tensor::FromStrings(std::move(shape), strings).value();
  }
  std::vector<std::uint8_t> bytes(elements * DTypeSize(dtype));
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(dtype == DType::kBool ? random() % 2 : random());
  return Tensor::Copy(dtype, std::move(shape), bytes.data(), bytes.size()).value();
}

void ExpectSameBits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.dtype(), b.dtype());
  ASSERT_EQ(a.shape(), b.shape());
  ASSERT_EQ(a.byte_size(), b.byte_size());
  ASSERT_EQ(std::memcmp(a.data(), b.data(), a.byte_size()), 0);
}

TEST(DTypes, EveryOneTravelsBitForBit) {
  std::mt19937_64 random(test::Seed());
  ModelInfo model{"echo", "1", "fake", {}, {}};
  ReaderOptions options;
  options.teacher_batch_rows = 3;
  options.num_epochs = 1;
  Fields batch;
  for (DType dtype : kAll) {
    std::string name = DTypeName(dtype);
    model.inputs.push_back({name, dtype, {-1, 5, 300}});
    model.outputs.push_back({name + "_out", dtype, {-1, 5, 300}});
    options.fields.push_back(name);
    options.predictions.push_back(name + "_out");
    batch.push_back(RandomTensor(dtype, {7, 5, 300}, random));
  }
  auto teacher = test::StartTeacher({}, model, [](const std::vector<Tensor>& inputs) { return inputs; });
  auto reader = test::NewReader(FromBatches(std::vector<Fields>{batch}), FixedTeachers({teacher->endpoint()}), options);
  auto out = reader->Next();
  ASSERT_TRUE(out.ok()) << out.status();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    SCOPED_TRACE(options.fields[i]);
    ExpectSameBits((*out)->fields[i], batch[i]);
    ExpectSameBits((*out)->predictions[i], batch[i]);
  }
}

// Fields may stand in another order than the model's inputs, and predictions than its outputs.
TEST(DTypes, InputsAndPredictionsAreFoundByName) {
  ModelInfo model{"two",
                  "1",
                  "fake",
                  {{"a", DType::kFp32, {-1}}, {"b", DType::kInt32, {-1}}},
                  {{"p", DType::kFp32, {-1}}, {"q", DType::kInt32, {-1}}, {"r", DType::kFp64, {-1}}}};
  auto teacher = test::StartTeacher({}, model, [](const std::vector<Tensor>& inputs) {
    const float* a = inputs[0].data_as<float>();
    const std::int32_t* b = inputs[1].data_as<std::int32_t>();
    std::vector<float> p;
    std::vector<std::int32_t> q;
    std::vector<double> r;
    for (std::int64_t i = 0; i < inputs[0].rows(); ++i) {
      p.push_back(a[i] + 1);
      q.push_back(b[i] * 2);
      r.push_back(a[i] * b[i]);
    }
    Shape shape = inputs[0].shape();
    return std::vector<Tensor>{Tensor::FromVector<float>(shape, p).value(),
                               Tensor::FromVector<std::int32_t>(shape, q).value(),
                               Tensor::FromVector<double>(shape, r).value()};
  });
  ReaderOptions options;
  options.fields = {"b", "extra", "a"};
  options.predictions = {"r", "p"};
  options.teacher_batch_rows = 2;
  std::vector<Fields> batches{{Tensor::FromVector<std::int32_t>({3}, {1, 2, 3}).value(), test::Int64s({3}, {7, 8, 9}),
                               Tensor::FromVector<float>({3}, {10, 20, 30}).value()}};
  auto reader = test::NewReader(FromBatches(batches), FixedTeachers({teacher->endpoint()}), options);
  auto out = reader->Next();
  ASSERT_TRUE(out.ok()) << out.status();
  const double* r = (*out)->at("r").data_as<double>();
  const float* p = (*out)->at("p").data_as<float>();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(r[i], 10.0 * (i + 1) * (i + 1));
    EXPECT_EQ(p[i], 10.0f * (i + 1) + 1);
  }
}

}  // namespace
}  // namespace edl
