// SPDX-License-Identifier: Apache-2.0
// RawHttp2: a connection to a gRPC server on which a test sends what it likes, frame by frame, and need not read.
// Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK: literals, and the last one kept).
// Thread-safety: one thread at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace edl::test {

class RawHttp2 {
 public:
  enum Frame : unsigned char { kData = 0, kHeaders = 1, kSettings = 4, kPing = 6, kContinuation = 9 };
  enum Flag : unsigned char { kNone = 0, kEndStream = 1, kEndHeaders = 4 };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  RawHttp2() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience = {60, 0};  // for a test's sake
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  explicit RawHttp2(const std::string& endpoint, const std::string& from = "127.0.0.1") : RawHttp2() {
    connected_ = Connect(endpoint, from);
  }
  ~RawHttp2() { close(fd_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  bool connected() const { return connected_; }

  // To "127.0.0.1:port", from that address of this machine and that port (0: any).
  bool Connect(const std::string& endpoint, const std::string& from = "127.0.0.1", int from_port = 0) {
    const int yes = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const std::size_t colon = endpoint.rfind(':');
    const sockaddr_in source = Address(from, from_port);
    const sockaddr_in target = Address(endpoint.substr(0, colon), std::atoi(endpoint.c_str() + colon + 1));
    return bind(fd_, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0 &&
           connect(fd_, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0;
  }

  // Where it comes from.
  int port() const {
    sockaddr_in source = {};
    socklen_t size = sizeof source;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&source), &size);
    return ntohs(source.sin_port);
  }

  // False when the other side has ended it.
  bool Send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }
  bool SendFrame(Frame type, int flags, std::uint32_t stream, const std::string& payload) {
    const std::size_t size = payload.size();
    const std::string head = {static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size),
                              static_cast<char>(type), static_cast<char>(flags)};
    return Send(head + Number(stream) + payload);
  }
  // What a client says first. `window`: the bytes of a reply that it takes before it says more.
  bool Greet(std::uint32_t window = 65535) {
    return Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") &&
           SendFrame(kSettings, kNone, 0, std::string("\x00\x04", 2) + Number(window));
  }

  static std::string Encode(const Headers& headers) {
    std::string block;
    for (const auto& [name, value] : headers) block += std::string(1, '\0') + Text(name) + Text(value);
    return block;
  }
  // A header that both sides keep; and the byte that names the last one kept.
  static std::string EncodeKept(const std::string& name, const std::string& value) {
    return '\x40' + Text(name) + Text(value);
  }
  static constexpr char kLastKept = '\xbe';
  static Headers CallOf(const std::string& method) {
    return {{":method", "POST"},
            {":scheme", "http"},
            {":path", "/inference.GRPCInferenceService/" + method},
            {":authority", "test"},
            {"content-type", "application/grpc"},
            {"te", "trailers"}};
  }
  // A gRPC message that says it has `size` bytes, and has `bytes`.
  static std::string Message(std::uint32_t size, const std::string& bytes) {
    return std::string(1, '\0') + Number(size) + bytes;
  }

  // Waits for a byte; false when the other side ended it, or a minute passed.
  bool AwaitByte() {
    char byte;
    return recv(fd_, &byte, 1, 0) == 1;
  }

  // Reads, and forgets what it reads, until the other side has ended it; false when that took more than a minute.
  bool AwaitEnd() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    char bytes[4096];
    while (std::chrono::steady_clock::now() < deadline) {
      const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
    }
    return false;
  }

 private:
  static sockaddr_in Address(const std::string& host, int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }
  static std::string Number(std::uint32_t number) {
    return {static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
            static_cast<char>(number)};
  }
  // HPACK's string, not Huffman-coded: its length with a prefix of 7 bits.
  static std::string Text(const std::string& text) {
    std::string out;
    std::size_t size = text.size();
    if (size < 127) return out.append(1, static_cast<char>(size)) + text;
    out += '\x7f';
    for (size -= 127; size >= 128; size >>= 7) out += static_cast<char>((size & 127) | 128);
    return out.append(1, static_cast<char>(size)) + text;
  }

  const int fd_;
  bool connected_ = false;
};

}  // namespace edl::test
