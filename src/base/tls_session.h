// SPDX-License-Identifier: Apache-2.0
// TlsSession: the client's side of one TLS connection, between plain bytes and those on the wire. It does no I/O.
// Place: Redis is spoken to through it, and it finds out what is wrong with a teacher's TLS, which gRPC does not say.
// Rules: TLS 1.2 or later; the server's certificate is verified, and has to be for the name that was asked for.
// Errors: INVALID_ARGUMENT, of Create - a file that cannot be used.
//         UNAUTHENTICATED - one side does not accept the other: says which certificate, why, and what would help.
//         UNAVAILABLE - the other side ended it, or what it sends is no TLS any more. Both are final.
// Thread-safety: one thread at a time.
// Lifetime: Feed what came, then call what waits for it, then send what TakeOutput gives; in a loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "edl/tls.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct x509_store_ctx_st;

namespace edl {

class TlsSession {
 public:
  // `host`: the name or address that was connected to; the certificate has to be for TlsOptions::server_name, if there
  // is one, else for that. `protocol`: what is spoken inside ("h2"), for servers that want to know; may be empty.
  static absl::StatusOr<std::unique_ptr<TlsSession>> Create(const TlsOptions& options, const std::string& host,
                                                            const std::string& protocol = "");
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Bytes from the wire.
  absl::Status Feed(const char* bytes, std::size_t size);

  // Bytes for the wire; empty: there are none.
  std::string TakeOutput();

  // True once both sides agree; false while more has to come. (Of TLS 1.3 the server may refuse the client's
  // certificate only later: Read says so.)
  absl::StatusOr<bool> Handshake();

  absl::Status Write(const std::string& bytes);

  // What it means that the other side has closed the connection now: one that has said nothing yet may do so, without a
  // word or before we have read it, since it does not accept the client's certificate.
  absl::Status Closed() const;

  // The next plain bytes; 0 while more has to come.
  absl::StatusOr<std::size_t> Read(char* bytes, std::size_t size);

 private:
  TlsSession(const TlsOptions& options, std::string name);
  absl::Status Load(const std::string& protocol);
  static int OnVerified(int accepted, x509_store_ctx_st* verification);
  static int OnAsked(ssl_st* ssl, void* session);
  absl::Status Fault(int result);
  absl::Status Refusal() const;

  const TlsOptions options_;
  const std::string name_;  // that the certificate has to be for
  ssl_ctx_st* const context_;
  ssl_st* ssl_ = nullptr;
  bool asked_ = false;          // the server wants a certificate of ours
  bool heard_ = false;          // plain bytes have come from it
  x509_st* refused_ = nullptr;  // the server's certificate, or the one behind it, that is not accepted
};

}  // namespace edl
