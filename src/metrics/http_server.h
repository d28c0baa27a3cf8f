// SPDX-License-Identifier: Apache-2.0
// HttpServer: a few pages that change, over HTTP, for Prometheus, probes and people.
// Bounds: one thread, and one that ends what takes too long; 32 connections, 8 of one address. A connection is one
//         request: it has 16 KiB, and 5 s from being accepted to the answer's last byte, silent or not. What is beyond
//         one address' bound is closed at once; what is beyond all waits for the others' end.
// Why not cpp-httplib: a connection takes one of its threads for as long as the client cares to send a byte now and
//         then, and its end waits for that; a request may have any number of header lines. libmicrohttpd serves all on
//         one thread, bounds each connection's memory, and ends at once.
// Why not CivetWeb, which prometheus-cpp's own server is made of: its end takes two seconds, and Debian's has no IPv6.
// Errors: Start: see ListeningSocket; INTERNAL - no thread or memory. A page that throws is a 500.
// Thread-safety: pages run on the server's thread, one at a time.
// Lifetime: the destructor waits for the page that runs. What pages use outlives the server.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/metrics/connection_deadlines.h"

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

  // Answers GET and HEAD when it returns. `longest`: what a connection has.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& host, int port, Pages pages,
                                                           std::chrono::milliseconds longest = std::chrono::seconds(5));
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::string& endpoint() const { return endpoint_; }

  // What that request gets. Also for the library's callback.
  HttpReply Answer(const std::string& method, const std::string& path) const;

 private:
  HttpServer(Pages pages, std::string endpoint) : pages_(std::move(pages)), endpoint_(std::move(endpoint)) {}

  const Pages pages_;
  const std::string endpoint_;
  std::unique_ptr<ConnectionDeadlines> deadlines_;  // outlives what calls it
  MHD_Daemon* daemon_ = nullptr;                    // serves from Start to the destructor
};

}  // namespace edl
