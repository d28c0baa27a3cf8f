// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/file_fingerprint.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace edl {

absl::StatusOr<std::string> FingerprintFile(const std::string& file) {
  constexpr int kBytesShown = 6;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read model file '", file, "': ", std::strerror(errno)));
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  bool hashed = hash != nullptr && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1;
  std::vector<char> block(1 << 20);
  while (hashed && stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    hashed = EVP_DigestUpdate(hash.get(), block.data(), static_cast<std::size_t>(stream.gcount())) == 1;
  }
  hashed = hashed && stream.eof() && EVP_DigestFinal_ex(hash.get(), digest, nullptr) == 1;
  if (!hashed) return absl::InternalError(absl::StrCat("cannot compute the SHA-256 of '", file, "'"));
  const absl::string_view shown(reinterpret_cast<const char*>(digest), kBytesShown);
  return absl::StrCat("sha256-", absl::BytesToHexString(shown));
}

}  // namespace edl
