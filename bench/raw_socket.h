// SPDX-License-Identifier: Apache-2.0
// Raw socket: the limit that the wire is held against: a length and the bytes go over a TCP connection into one piece
// of memory that is used again each time; so many bytes come back. Nothing is encoded, checked or allocated.
// Place: a rival in bench_wire.
#pragma once

#include <cstddef>
#include <string>

namespace edl::bench {

// Serves on a free port of 127.0.0.1 until the process ends; a thread for each connection. Gives "127.0.0.1:PORT".
std::string ServeRawSocket(std::size_t reply_bytes);

// One connection. Aborts on any error: it is a bench.
class RawSocketClient {
 public:
  explicit RawSocketClient(const std::string& endpoint, std::size_t reply_bytes);
  ~RawSocketClient();

  void Call(const void* data, std::size_t size);

 private:
  const int socket_;
  const std::size_t reply_bytes_;
};

}  // namespace edl::bench
