// SPDX-License-Identifier: Apache-2.0
#include "bench/raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace edl::bench {
namespace {

void Check(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

// False at the end of the stream.
bool ReadAll(int socket, void* to, std::size_t size) {
  for (auto* at = static_cast<char*>(to); size > 0;) {
    const ssize_t got = read(socket, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool WriteAll(int socket, iovec* parts, int count) {
  while (count > 0) {
    ssize_t sent = writev(socket, parts, count);
    if (sent < 0) return false;
    for (; count > 0 && static_cast<std::size_t>(sent) >= parts->iov_len; --count) {
      sent -= static_cast<ssize_t>(parts->iov_len);
      ++parts;
    }
    if (count == 0) break;
    parts->iov_base = static_cast<char*>(parts->iov_base) + sent;
    parts->iov_len -= static_cast<std::size_t>(sent);
  }
  return true;
}

void NoDelay(int socket) {
  const int on = 1;
  Check(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

void Answer(int socket, std::size_t reply_bytes) {
  NoDelay(socket);
  std::vector<char> tensor;
  std::vector<char> reply(reply_bytes);
  std::uint64_t size = 0;
  while (ReadAll(socket, &size, sizeof size)) {
    if (tensor.size() < size) tensor.resize(size);
    if (!ReadAll(socket, tensor.data(), size)) break;
    iovec part{reply.data(), reply.size()};
    if (!WriteAll(socket, &part, 1)) break;
  }
  close(socket);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int Connect(const std::string& endpoint) {
  const int connected = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str()));
  Check(connect(connected, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  NoDelay(connected);
  return connected;
}

}  // namespace

std::string ServeRawSocket(std::size_t reply_bytes) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  Check(bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0, "bind");
  Check(listen(listener, 64) == 0, "listen");
  Check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  std::thread([listener, reply_bytes] {
    for (;;) {
      const int accepted = accept(listener, nullptr, nullptr);
      Check(accepted >= 0, "accept");
      std::thread(Answer, accepted, reply_bytes).detach();
    }
  }).detach();
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

RawSocketClient::RawSocketClient(const std::string& endpoint, std::size_t reply_bytes)
    : socket_(Connect(endpoint)), reply_bytes_(reply_bytes) {}

RawSocketClient::~RawSocketClient() {
  close(socket_);
}

void RawSocketClient::Call(const void* data, std::size_t size) {
  std::uint64_t header = size;
  iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(data), size}};
  Check(WriteAll(socket_, parts, 2), "write");
  std::vector<char> reply(reply_bytes_);
  Check(ReadAll(socket_, reply.data(), reply.size()), "read");
}

}  // namespace edl::bench
