// SPDX-License-Identifier: Apache-2.0
#include "src/base/tls_session.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/legible.h"
#include "src/base/status.h"
#include "src/base/tls_files.h"

namespace edl {
namespace {

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;

bool IsAddress(const std::string& name) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

std::string TextOf(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return Legible(absl::string_view(bytes, std::min(static_cast<std::size_t>(size), std::size_t{500})));
}

std::string NameText(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return TextOf(bio);
}

std::string TimeText(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  ASN1_TIME_print(bio.get(), time);
  return TextOf(bio);
}

// The DNS names and addresses that a certificate is for.
std::string NamesOf(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  if (names == nullptr) return "no name at all (it has no subjectAltName)";
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  constexpr int kMostNames = 8;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < kMostNames; ++i) {
    if (i > 0) BIO_puts(bio.get(), ", ");
    GENERAL_NAME_print(bio.get(), sk_GENERAL_NAME_value(names, i));
  }
  GENERAL_NAMES_free(names);
  return TextOf(bio);
}

std::string OwnHint(const TlsOptions& options) {
  return options.cert_file.empty() ? "name ours as cert_file and key_file"
                                   : absl::StrCat("ours is ", options.cert_file);
}

std::string AsksForCertificate(const TlsOptions& options) {
  return absl::StrCat("it asks for a client certificate (mutual TLS): ", OwnHint(options));
}

// What the other side's last word, a TLS alert, or its lack of TLS, means.
std::string Meaning(int reason, const TlsOptions& options) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return AsksForCertificate(options);
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return absl::StrCat("it does not know the CA of our client certificate: ", OwnHint(options),
                          "; give it that certificate's CA as its client CA");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return absl::StrCat("it says that our client certificate has expired: ", OwnHint(options));
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return absl::StrCat("it does not accept our client certificate: ", OwnHint(options));
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_MESSAGE:
      return "it answers without TLS: give it a certificate and key, or speak to it plainly";
    default:
      return "";
  }
}

}  // namespace

TlsSession::TlsSession(const TlsOptions& options, std::string name)
    : options_(options), name_(std::move(name)), context_(SSL_CTX_new(TLS_client_method())) {}

TlsSession::~TlsSession() {
  X509_free(refused_);
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

absl::StatusOr<std::unique_ptr<TlsSession>> TlsSession::Create(const TlsOptions& options, const std::string& host,
                                                               const std::string& protocol) {
  const std::string& name = options.server_name.empty() ? host : options.server_name;
  std::unique_ptr<TlsSession> session(new TlsSession(options, name));
  ERR_clear_error();
  EDL_RETURN_IF_ERROR(session->Load(protocol));
  return session;
}

absl::Status TlsSession::Load(const std::string& protocol) {
  if (context_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, OnVerified);
  SSL_CTX_set_default_passwd_cb(context_, [](char*, int, int, void*) { return -1; });  // or it asks on the terminal
  const bool rooted = options_.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context_) == 1
                          : SSL_CTX_load_verify_locations(context_, options_.ca_file.c_str(), nullptr) == 1;
  bool own = true;
  if (!options_.cert_file.empty()) {
    own = SSL_CTX_use_certificate_chain_file(context_, options_.cert_file.c_str()) == 1 &&
          SSL_CTX_use_PrivateKey_file(context_, options_.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  }
  if (!rooted || !own) {
    ERR_clear_error();
    EDL_RETURN_IF_ERROR(options_.Validate());  // says it better
    return absl::InvalidArgumentError(absl::StrCat("OpenSSL cannot use ", options_.ToString()));
  }
  ssl_ = SSL_new(context_);
  if (ssl_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_);
  SSL_set_app_data(ssl_, this);
  SSL_set_cert_cb(ssl_, OnAsked, this);
  const bool named =
      IsAddress(name_) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name_.c_str()) == 1
                       : SSL_set1_host(ssl_, name_.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, name_.c_str()) == 1;
  if (!named) return absl::InvalidArgumentError(absl::StrCat("OpenSSL takes no certificate for '", name_, "'"));
  if (!protocol.empty()) {
    const std::string list = static_cast<char>(protocol.size()) + protocol;
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(list.data()), static_cast<unsigned>(list.size()));
  }
  return absl::OkStatus();
}

absl::Status TlsSession::Feed(const char* bytes, std::size_t size) {
  const int taken = BIO_write(SSL_get_rbio(ssl_), bytes, static_cast<int>(size));
  if (taken == static_cast<int>(size)) return absl::OkStatus();
  return absl::ResourceExhaustedError("out of memory");
}

std::string TlsSession::TakeOutput() {
  std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
  if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

absl::StatusOr<bool> TlsSession::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return true;
  EDL_RETURN_IF_ERROR(Fault(result));
  return false;
}

absl::Status TlsSession::Write(const std::string& bytes) {
  ERR_clear_error();
  if (bytes.empty()) return absl::OkStatus();
  const int result = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  if (result > 0) return absl::OkStatus();  // all of it: the memory that it goes to has no end
  EDL_RETURN_IF_ERROR(Fault(result));
  return absl::UnavailableError("TLS cannot go on");
}

absl::StatusOr<std::size_t> TlsSession::Read(char* bytes, std::size_t size) {
  ERR_clear_error();
  const int result = SSL_read(ssl_, bytes, static_cast<int>(size));
  heard_ = heard_ || result > 0;
  if (result > 0) return static_cast<std::size_t>(result);
  EDL_RETURN_IF_ERROR(Fault(result));
  return std::size_t{0};
}

// OK: more has to come.
absl::Status TlsSession::Fault(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return absl::OkStatus();
    case SSL_ERROR_ZERO_RETURN:
      return absl::UnavailableError("ended the connection");
    default:
      break;
  }
  if (SSL_get_verify_result(ssl_) != X509_V_OK) return Refusal();
  const unsigned long error = ERR_peek_last_error();
  const std::string meaning = Meaning(ERR_GET_REASON(error), options_);
  if (!meaning.empty()) return absl::UnauthenticatedError(meaning);
  const char* reason = ERR_reason_error_string(error);
  return absl::UnavailableError(absl::StrCat("TLS: ", reason != nullptr ? reason : "it broke off"));
}

// Remembers what is not accepted, which OpenSSL forgets with the handshake; the verdict stays OpenSSL's. What is wrong
// with a date is that of the certificate where it stands, all else is told of the server's own.
int TlsSession::OnVerified(int accepted, x509_store_ctx_st* verification) {
  if (accepted == 1) return accepted;
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  const int why = X509_STORE_CTX_get_error(verification);
  const bool date = why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID;
  X509* certificate = date ? X509_STORE_CTX_get_current_cert(verification) : X509_STORE_CTX_get0_cert(verification);
  if (certificate == nullptr) return accepted;
  X509_up_ref(certificate);
  X509_free(std::exchange(session->refused_, certificate));
  return accepted;
}

int TlsSession::OnAsked(ssl_st*, void* session) {
  static_cast<TlsSession*>(session)->asked_ = true;
  return 1;  // go on with what there is
}

absl::Status TlsSession::Closed() const {
  const absl::Status lost = absl::UnavailableError("closed the connection");
  if (!asked_ || heard_) return lost;
  const X509* own = SSL_get_certificate(ssl_);
  if (own == nullptr) return absl::UnauthenticatedError(AsksForCertificate(options_));
  const std::string refused =
      absl::StrCat("it does not accept our client certificate ", options_.cert_file, ", which ");
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) {
    return absl::UnauthenticatedError(absl::StrCat(refused, "has expired, on ", TimeText(X509_get0_notAfter(own))));
  }
  return absl::UnauthenticatedError(
      absl::StrCat(refused, "comes from the CA ", NameText(X509_get_issuer_name(own)), ": is that its client CA?"));
}

// Why the server's certificate is not accepted here.
absl::Status TlsSession::Refusal() const {
  const long why = SSL_get_verify_result(ssl_);
  auto refuse = [](const std::string& text) { return absl::UnauthenticatedError(text); };
  if (refused_ == nullptr) return refuse(X509_verify_cert_error_string(why));
  const std::string its = absl::StrCat("its certificate (", NameText(X509_get_subject_name(refused_)), ")");
  const std::string roots = options_.ca_file.empty() ? "the system's roots (name its CA as ca_file)" : options_.ca_file;
  switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return refuse(absl::StrCat(its, " has expired, on ", TimeText(X509_get0_notAfter(refused_)),
                                 ": give it a new one, or set this machine's clock"));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return refuse(absl::StrCat(its, " is not valid before ", TimeText(X509_get0_notBefore(refused_)),
                                 ": set this machine's clock"));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return refuse(absl::StrCat(its, " is for ", NamesOf(refused_), ", not for '", name_,
                                 "': connect by one of its names, or set server_name to one"));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return refuse(absl::StrCat(its, " comes from the CA ", NameText(X509_get_issuer_name(refused_)),
                                 ", which is not in ", roots));
    default:
      return refuse(absl::StrCat(its, " is not accepted: ", X509_verify_cert_error_string(why)));
  }
}

}  // namespace edl
