// SPDX-License-Identifier: Apache-2.0
// File fingerprint: tells two models of one name apart. It is the version of a model to which nobody gave one, so that
// students notice a teacher whose file was replaced, whatever its metadata looks like otherwise.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace edl {

// "sha256-0123456789ab": the first 48 bits of the file's SHA-256. NOT_FOUND when it cannot be read.
absl::StatusOr<std::string> FingerprintFile(const std::string& file);

}  // namespace edl
