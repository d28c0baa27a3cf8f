// SPDX-License-Identifier: Apache-2.0
#include "src/base/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/tls_files.h"

namespace edl {
namespace {

constexpr std::chrono::seconds kLook{1};
constexpr std::size_t kMostBytes = 64 * 1024;
constexpr std::size_t kLongestToken = 4096;  // gRPC takes 8 KiB of metadata

absl::Status Wrong(const std::string& field, const std::string& file, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(field, " '", file, "' ", why));
}

absl::StatusOr<std::string> ReadAll(const std::string& field, const std::string& name) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(name.c_str(), "re"), std::fclose);
  if (file == nullptr) return Wrong(field, name, absl::StrCat("cannot be read: ", std::strerror(errno)));
  std::string text(kMostBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Wrong(field, name, absl::StrCat("cannot be read: ", std::strerror(errno)));
  if (text.size() > kMostBytes) return Wrong(field, name, absl::StrCat("is longer than ", kMostBytes, " bytes"));
  return text;
}

bool IsToken(absl::string_view text) {
  if (text.size() > kLongestToken) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && !absl::StrContains("-._~+/=", c)) return false;
  }
  return true;
}

absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& field, const std::string& file) {
  EDL_ASSIGN_OR_RETURN(const std::string text, ReadAll(field, file));
  std::vector<std::string> tokens;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    if (!IsToken(line)) {
      return Wrong(field, file,
                   absl::StrCat("has in line ", number, " what is no token; expected up to ", kLongestToken,
                                " letters, digits and \"-._~+/=\" (openssl rand -base64 32)"));
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty()) return Wrong(field, file, "holds no token; expected one a line");
  return tokens;
}

}  // namespace

bool SecretFile::Version::operator==(const Version& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
}

SecretFile::Version SecretFile::Look(const std::string& file) {
  struct stat found;
  if (stat(file.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size, found.st_mtim};
}

absl::StatusOr<std::unique_ptr<SecretFile>> SecretFile::Open(const std::string& field, const std::string& file) {
  std::unique_ptr<SecretFile> secrets(new SecretFile(field, file));
  const Version version = Look(file);  // before it is read: what changes meanwhile is seen at the next look
  EDL_ASSIGN_OR_RETURN(std::vector<std::string> tokens, ReadTokens(field, file));
  WarnIfOthersMayRead(absl::StrCat("the ", field), file);
  MutexLock lock(secrets->mu_);
  secrets->tokens_ = std::make_shared<const std::vector<std::string>>(std::move(tokens));
  secrets->version_ = version;
  secrets->next_look_ = std::chrono::steady_clock::now() + kLook;
  return secrets;
}

absl::Status SecretFile::Check(const std::string& field, const std::string& file) {
  return ReadTokens(field, file).status();
}

SecretFile::Tokens SecretFile::Get() const {
  {
    MutexLock lock(mu_);
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return tokens_;
    next_look_ = now + kLook;  // the others go on with what there is while this thread looks
  }
  Reread(Look(file_));
  MutexLock lock(mu_);
  return tokens_;
}

void SecretFile::Reread(const Version& version) const {
  {
    MutexLock lock(mu_);
    if (version == version_) return;
  }
  absl::StatusOr<std::vector<std::string>> tokens = ReadTokens(field_, file_);
  if (!tokens.ok()) {
    Log().warn("{}; what was in it before still holds", std::string(tokens.status().message()));
  } else {
    Log().info("{} {} was read again", field_, file_);
  }
  MutexLock lock(mu_);
  version_ = version;
  if (tokens.ok()) tokens_ = std::make_shared<const std::vector<std::string>>(*std::move(tokens));
}

absl::StatusOr<std::string> ReadSecretLine(const std::string& field, const std::string& file) {
  EDL_ASSIGN_OR_RETURN(std::string text, ReadAll(field, file));
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  if (text.empty()) return Wrong(field, file, "has nothing in its first line");
  return text;
}

}  // namespace edl
