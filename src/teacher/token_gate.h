// SPDX-License-Identifier: Apache-2.0
// TokenGate: lets in who shows one of the tokens in a file.
// Place: asked by the service at the beginning of every call. The standard health service and reflection stay open, as
//        those who watch a fleet are used to.
// Errors: UNAUTHENTICATED - no token, or a wrong one; says what the student has to set, and never a token.
// Thread-safety: any thread.
// Source: RFC 6750.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/secret_file.h"

namespace grpc {
class ServerContextBase;
}

namespace edl {

class TokenGate {
 public:
  // INVALID_ARGUMENT as SecretFile.
  static absl::StatusOr<std::unique_ptr<TokenGate>> Open(const std::string& field, const std::string& file);

  // `authorization`: the header's value. Takes as long for a wrong token as for a right one, whatever they have in
  // common.
  absl::Status Check(const std::string& authorization) const;

 private:
  explicit TokenGate(std::unique_ptr<SecretFile> tokens) : tokens_(std::move(tokens)) {}

  const std::unique_ptr<SecretFile> tokens_;
};

// Of a null gate: everybody.
absl::Status LetIn(const TokenGate* gate, const grpc::ServerContextBase& context);

}  // namespace edl
