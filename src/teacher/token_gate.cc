// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/token_gate.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "src/base/status.h"
#include "src/rpc/bearer_token.h"

namespace edl {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

// Digests are compared in place of tokens: they have one length, and what two of them have in common tells nothing.
Digest DigestOf(absl::string_view token) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenGate>> TokenGate::Open(const std::string& field, const std::string& file) {
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<SecretFile> tokens, SecretFile::Open(field, file));
  return std::unique_ptr<TokenGate>(new TokenGate(std::move(tokens)));
}

absl::Status TokenGate::Check(const std::string& authorization) const {
  if (!absl::StartsWithIgnoreCase(authorization, kBearer)) {
    return absl::UnauthenticatedError(
        "this teacher wants a token, and none came with the call: name the file that holds it "
        "(ReaderOptions::token_file, EDL_TOKEN_FILE)");
  }
  const Digest shown = DigestOf(absl::string_view(authorization).substr(sizeof kBearer - 1));
  int right = 0;
  for (const std::string& token : *tokens_->Get()) {  // to the end, whichever it is
    right |= CRYPTO_memcmp(DigestOf(token).data(), shown.data(), shown.size()) == 0 ? 1 : 0;
  }
  if (right != 0) return absl::OkStatus();
  return absl::UnauthenticatedError(
      "the token is none of this teacher's: compare the first line of the student's token_file with the teacher's "
      "--token-file");
}

absl::Status LetIn(const TokenGate* gate, const grpc::ServerContextBase& context) {
  if (gate == nullptr) return absl::OkStatus();
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kAuthorization);
  return gate->Check(found == metadata.end() ? "" : std::string(found->second.data(), found->second.size()));
}

}  // namespace edl
