// SPDX-License-Identifier: Apache-2.0
// JPEG files, by libjpeg-turbo. ImageDecoder says what is promised; it also bounds the size before it decodes.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/resnet50_vd/image.h"

namespace resnet {

absl::StatusOr<ImageSize> ReadJpegSize(std::string_view bytes);
absl::Status DecodeJpeg(std::string_view bytes, int reduction, RgbImage& image);

}  // namespace resnet
