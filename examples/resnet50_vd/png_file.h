// SPDX-License-Identifier: Apache-2.0
// PNG files, by libpng's simplified interface. ImageDecoder says what is promised; it also bounds the size before it
// decodes.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/resnet50_vd/image.h"

namespace resnet {

absl::StatusOr<ImageSize> ReadPngSize(std::string_view bytes);
absl::Status DecodePng(std::string_view bytes, RgbImage& image);

}  // namespace resnet
