// SPDX-License-Identifier: Apache-2.0
#include "src/registry/redis_address.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/endpoint.h"
#include "src/base/secret_file.h"
#include "src/base/status.h"

namespace edl {
namespace {

constexpr int kRedisPort = 6379;
constexpr int kSentinelPort = 26379;
constexpr int kMostDatabases = 1 << 20;

absl::Status Malformed(absl::string_view part) {
  return absl::InvalidArgumentError(
      absl::StrCat("the Redis address ", part,
                   "; expected redis://[user:password@]host:port[/db] or "
                   "redis+sentinel://[user:password@]host:port,host:port/master-name[/db], with rediss for TLS"));
}

std::optional<std::string> PercentDecode(absl::string_view text) {
  auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
    } else if (i + 2 < text.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
               absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      decoded += static_cast<char>(16 * digit(text[i + 1]) + digit(text[i + 2]));
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return decoded;
}

std::string PercentEncode(const std::string& text, absl::string_view also_kept = "") {
  std::string encoded;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const absl::string_view letter(&c, 1);
    if (absl::ascii_isalnum(byte) || absl::StrContains("-._~", letter) || absl::StrContains(also_kept, letter)) {
      encoded += c;
    } else {
      absl::StrAppend(&encoded, "%", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return encoded;
}

absl::Status ParseUser(absl::string_view text, RedisAddress& address) {
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  std::optional<std::string> user = PercentDecode(parts.first);
  std::optional<std::string> password = PercentDecode(parts.second);
  if (!user || !password) return Malformed("has a '%' in its user or password that is not followed by two hex digits");
  address.user = *std::move(user);
  address.password = *std::move(password);
  return absl::OkStatus();
}

absl::StatusOr<RedisAddress::Host> ParseHost(absl::string_view text, int default_port) {
  absl::string_view host = text;
  absl::string_view port;
  if (absl::ConsumePrefix(&host, "[")) {
    const std::size_t end = host.find(']');
    if (end == absl::string_view::npos) return Malformed("has a '[' without its ']'");
    port = host.substr(end + 1);
    host = host.substr(0, end);
    if (!port.empty() && port.front() != ':') return Malformed("has something other than ':port' behind a ']'");
  } else if (const std::size_t colon = host.find(':'); colon != absl::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  const bool named = !host.empty() && std::none_of(host.begin(), host.end(), [](unsigned char c) {
    return c <= ' ' || c == 127 || c == '[' || c == ']' || c == '@';
  });
  if (!named) return Malformed("names no host");
  int number = default_port;
  if (absl::ConsumePrefix(&port, ":") && (!absl::SimpleAtoi(port, &number) || number < 1 || number > 65535)) {
    return Malformed("has a port that is no number from 1 to 65535");
  }
  return RedisAddress::Host{std::string(host), number};
}

absl::Status ParseDatabase(absl::string_view text, RedisAddress& address) {
  if (text.empty()) return absl::OkStatus();
  if (absl::SimpleAtoi(text, &address.db) && address.db >= 0 && address.db < kMostDatabases) return absl::OkStatus();
  return Malformed("has a database that is no number from 0");
}

absl::Status ParsePath(absl::string_view path, bool sentinel, RedisAddress& address) {
  if (!sentinel) return ParseDatabase(path, address);
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(path, absl::MaxSplits('/', 1));
  std::optional<std::string> master = PercentDecode(parts.first);
  if (!master || master->empty()) return Malformed("names sentinels but not the master that they watch");
  address.master = *std::move(master);
  return ParseDatabase(parts.second, address);
}

absl::Status ParseParameter(absl::string_view name, std::string value, RedisAddress& address) {
  if (name == "password-file") {
    address.password_file = std::move(value);
  } else if (name == "allow-plaintext-password") {
    if (value != "yes") return Malformed("has an allow-plaintext-password that is not 'yes'");
    address.allow_plaintext_password = true;
  } else {
    std::string TlsOptions::*const field = name == "ca"            ? &TlsOptions::ca_file
                                           : name == "cert"        ? &TlsOptions::cert_file
                                           : name == "key"         ? &TlsOptions::key_file
                                           : name == "server-name" ? &TlsOptions::server_name
                                                                   : nullptr;
    if (field == nullptr) {
      return Malformed(
          "has a parameter that is none of password-file, ca, cert, key, server-name and allow-plaintext-password");
    }
    if (!address.tls) return Malformed("has a parameter of TLS, and does not begin with rediss");
    (*address.tls).*field = std::move(value);
  }
  return absl::OkStatus();
}

absl::Status ParseParameters(absl::string_view text, RedisAddress& address) {
  for (absl::string_view parameter : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    std::optional<std::string> value = PercentDecode(parts.second);
    if (!value || value->empty()) return Malformed("has a parameter without a value, or with a '%' that is no code");
    EDL_RETURN_IF_ERROR(ParseParameter(parts.first, *std::move(value), address));
  }
  return absl::OkStatus();
}

// What the parts say together.
absl::Status CheckSecrets(const RedisAddress& address, bool names_user) {
  if (names_user && !address.has_password()) return Malformed("has an '@' but no password before it");
  if (!address.password.empty() && !address.password_file.empty())
    return Malformed("has a password and a password-file");
  if (address.has_password() && !std::all_of(address.hosts.begin(), address.hosts.end(),
                                             [&](const auto& host) { return address.MaySendPasswordTo(host); })) {
    return absl::InvalidArgumentError(
        "the Redis address has a password for another machine and no TLS, so that others could read it on the way; "
        "write rediss://, or, on a network that you trust, add ?allow-plaintext-password=yes");
  }
  return absl::OkStatus();
}

}  // namespace

bool RedisAddress::MaySendPasswordTo(const Host& host) const {
  return tls.has_value() || allow_plaintext_password || IsLoopbackHost(host.name);
}

absl::StatusOr<std::string> RedisAddress::Password() const {
  if (password_file.empty()) return password;
  return ReadSecretLine("password-file", password_file);
}

std::string RedisAddress::Host::ToString() const {
  return absl::StrContains(name, ':') ? absl::StrCat("[", name, "]:", port) : absl::StrCat(name, ":", port);
}

absl::StatusOr<RedisAddress> RedisAddress::Parse(const std::string& text) {
  absl::string_view rest = text;
  RedisAddress address;
  if (absl::StartsWith(rest, "rediss")) address.tls = TlsOptions();
  const bool sentinel = absl::ConsumePrefix(&rest, address.tls ? "rediss+sentinel://" : "redis+sentinel://");
  if (!sentinel && !absl::ConsumePrefix(&rest, address.tls ? "rediss://" : "redis://")) {
    return Malformed(text.empty() ? "is empty" : "begins with neither redis:// nor redis+sentinel://");
  }
  bool names_user = false;
  const std::size_t at = rest.rfind('@');
  if (at != absl::string_view::npos && absl::StrContains(rest.substr(0, at), '?')) {
    return Malformed("has an '@' behind a '?'; write %40 (and %3F in a password)");
  }
  if (at != absl::string_view::npos) {
    EDL_RETURN_IF_ERROR(ParseUser(rest.substr(0, at), address));
    rest.remove_prefix(at + 1);
    names_user = true;
  }
  if (const std::size_t query = rest.find('?'); query != absl::string_view::npos) {
    EDL_RETURN_IF_ERROR(ParseParameters(rest.substr(query + 1), address));
    rest = rest.substr(0, query);
  }
  const std::size_t slash = rest.find('/');
  const absl::string_view path = slash == absl::string_view::npos ? "" : rest.substr(slash + 1);
  const absl::string_view hosts = rest.substr(0, slash);
  if (!sentinel && absl::StrContains(hosts, ',')) return Malformed("has several hosts, which only sentinels have");
  for (absl::string_view host : absl::StrSplit(hosts, ',')) {
    EDL_ASSIGN_OR_RETURN(Host parsed, ParseHost(host, sentinel ? kSentinelPort : kRedisPort));
    address.hosts.push_back(std::move(parsed));
  }
  EDL_RETURN_IF_ERROR(ParsePath(path, sentinel, address));
  EDL_RETURN_IF_ERROR(CheckSecrets(address, names_user));
  return address;
}

std::string RedisAddress::ToString() const {
  std::string text = absl::StrCat("redis", tls ? "s" : "", master.empty() ? "" : "+sentinel", "://");
  if (!password.empty()) absl::StrAppend(&text, PercentEncode(user), ":***@");
  if (password.empty() && !user.empty()) absl::StrAppend(&text, PercentEncode(user), "@");
  absl::StrAppend(&text, absl::StrJoin(hosts, ",", [](std::string* out, const Host& h) { out->append(h.ToString()); }));
  if (!master.empty()) absl::StrAppend(&text, "/", PercentEncode(master));
  if (db != 0) absl::StrAppend(&text, "/", db);
  const char* separator = "?";
  auto parameter = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    absl::StrAppend(&text, separator, name, "=", PercentEncode(value, "/"));
    separator = "&";
  };
  parameter("password-file", password_file);
  const TlsOptions options = tls.value_or(TlsOptions());
  parameter("ca", options.ca_file);
  parameter("cert", options.cert_file);
  parameter("key", options.key_file);
  parameter("server-name", options.server_name);
  parameter("allow-plaintext-password", allow_plaintext_password ? "yes" : "");
  return text;
}

}  // namespace edl
