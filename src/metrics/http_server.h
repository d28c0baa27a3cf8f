// SPDX-License-Identifier: Apache-2.0
// HttpServer: a few pages that change, over HTTP, for Prometheus, probes and people.
// Bounds: one thread; 32 connections, of which each has 16 KiB for a request and 5 s of silence.
// Why not cpp-httplib: a connection takes one of its threads for as long as the client cares to send a byte now and
//         then, and its end waits for that; a request may have any number of header lines. libmicrohttpd serves all on
//         one thread, bounds each connection's memory, and ends at once.
// Why not CivetWeb, which prometheus-cpp's own server is made of: its end takes two seconds, and Debian's has no IPv6.
// Errors: Start: see ListeningSocket; INTERNAL - no thread or memory. A page that throws is a 500.
// Thread-safety: pages run on the server's thread, one at a time.
// Lifetime: the destructor waits for the page that runs. What pages use outlives the server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct MHD_Daemon;

namespace edl {

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

class HttpServer {
 public:
  // By path.
  using Pages = std::map<std::string, std::function<HttpReply()>>;

  // Answers GET and HEAD when it returns.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& host, int port, Pages pages);
  ~HttpServer();

  const std::string& endpoint() const { return endpoint_; }

  // What that request gets. Also for the library's callback.
  HttpReply Answer(const std::string& method, const std::string& path) const;

 private:
  HttpServer(Pages pages, std::string endpoint) : pages_(std::move(pages)), endpoint_(std::move(endpoint)) {}

  const Pages pages_;
  const std::string endpoint_;
  MHD_Daemon* daemon_ = nullptr;  // serves from Start to the destructor
};

}  // namespace edl
