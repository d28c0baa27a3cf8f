// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/timed_teacher.h"

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace resnet {

std::unique_ptr<edl::testing::FakeTeacher> StartTimedTeacher(const BenchmarkOptions& options, double milliseconds) {
  const std::int64_t side = options.image_size, classes = options.classes;
  const edl::Shape images =
      options.layout == PixelLayout::kNchw ? edl::Shape{-1, 3, side, side} : edl::Shape{-1, side, side, 3};
  edl::testing::FakeTeacherOptions teacher;
  teacher.delay = [milliseconds](const std::vector<edl::Tensor>&) {
    return std::chrono::microseconds(static_cast<std::int64_t>(1000 * milliseconds));
  };
  auto answer = [classes](const std::vector<edl::Tensor>& inputs) -> absl::StatusOr<std::vector<edl::Tensor>> {
    const std::int64_t rows = inputs[0].rows();
    return std::vector<edl::Tensor>{
        edl::Tensor::FromVector({rows, classes}, std::vector<float>(static_cast<std::size_t>(rows * classes))).value()};
  };
  edl::ModelInfo info{
      "timed", "1", "fake", {{"image", edl::DType::kUint8, images}}, {{"score", edl::DType::kFp32, {-1, classes}}}};
  return edl::testing::FakeTeacher::Start(std::move(info), answer, std::move(teacher)).value();
}

}  // namespace resnet
