// SPDX-License-Identifier: Apache-2.0
// Naive: the protocol as one would write it first: Protobuf's own messages on gRPC's synchronous API.
// Place: a rival in bench_wire, over the same gRPC and the same protocol.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bench/payload.h"

namespace grpc {
class Server;
}

namespace edl::bench {

class NaiveServer {
 public:
  explicit NaiveServer(const Payload& payload);
  ~NaiveServer();
  const std::string& endpoint() const { return endpoint_; }

 private:
  class Service;
  const std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string endpoint_;
};

// One connection; any thread calls. Aborts on any error: it is a bench.
class NaiveClient {
 public:
  explicit NaiveClient(const std::string& endpoint);
  ~NaiveClient();

  void Call(const Tensor& batch);

 private:
  struct Stub;
  const std::unique_ptr<Stub> stub_;
};

}  // namespace edl::bench
