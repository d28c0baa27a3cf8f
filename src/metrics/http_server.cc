// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/http_server.h"

#include <microhttpd.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/metrics/listening_socket.h"

namespace edl {
namespace {

constexpr unsigned kMostConnections = 32;
constexpr unsigned kMostOfOneAddress = 8;
constexpr std::size_t kRequestBytes = 16 << 10;

MHD_Result Send(MHD_Connection* connection, const HttpReply& reply) {
  // The library does not write to it, whatever the type says.
  MHD_Response* response =
      MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;  // closes the connection
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  // A place is not kept for the next request, and a deadline is one request's.
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return queued;
}

// Called when a request's head is there; what may come behind it is not read.
MHD_Result OnRequest(void* server, MHD_Connection* connection, const char* path, const char* method, const char*,
                     const char*, std::size_t*, void**) {
  return Send(connection, static_cast<const HttpServer*>(server)->Answer(method, path));
}

void OnConnection(void* deadlines, MHD_Connection* connection, void**, MHD_ConnectionNotificationCode code) {
  auto& open = *static_cast<ConnectionDeadlines*>(deadlines);
  const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  code == MHD_CONNECTION_NOTIFY_STARTED ? open.Add(fd) : open.Remove(fd);
}

// What the library has to say: of clients that go wrong.
void Note(void*, const char* format, std::va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  Log().debug("http: {}", text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port, Pages pages,
                                                              std::chrono::milliseconds longest) {
  EDL_ASSIGN_OR_RETURN(ListeningSocket socket, ListeningSocket::Open(host, port));
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(pages), socket.endpoint()));
  EDL_RETURN_IF_ERROR(Guarded([&] {
    server->deadlines_ = std::make_unique<ConnectionDeadlines>(longest);
    return absl::OkStatus();
  }));
  server->daemon_ = MHD_start_daemon(
      MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, OnRequest, server.get(),
      // The log first: it is to have what the other options bring up.
      MHD_OPTION_EXTERNAL_LOGGER, Note, nullptr, MHD_OPTION_LISTEN_SOCKET, socket.fd(), MHD_OPTION_CONNECTION_LIMIT,
      kMostConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, kMostOfOneAddress, MHD_OPTION_NOTIFY_CONNECTION,
      OnConnection, server->deadlines_.get(), MHD_OPTION_CONNECTION_MEMORY_LIMIT, kRequestBytes, MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    return absl::InternalError(absl::StrCat("cannot serve HTTP on ", socket.endpoint(), ": no thread, or no memory"));
  }
  socket.Release();  // the library closes it
  return server;
}

HttpServer::~HttpServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

HttpReply HttpServer::Answer(const std::string& method, const std::string& path) const {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return {MHD_HTTP_METHOD_NOT_ALLOWED, absl::StrCat("no ", method, " here\n")};
  }
  const auto page = pages_.find(path);
  if (page == pages_.end()) {
    std::string text = "there is no such page; there are:\n";
    for (const auto& [known, answer] : pages_) absl::StrAppend(&text, known, "\n");
    return {MHD_HTTP_NOT_FOUND, text};
  }
  HttpReply reply;
  const absl::Status done = Guarded([&] {
    reply = page->second();
    return absl::OkStatus();
  });
  if (done.ok()) return reply;
  Log().warn("http page {} failed: {}", path, done.ToString());
  return {MHD_HTTP_INTERNAL_SERVER_ERROR, absl::StrCat(std::string(done.message()), "\n")};
}

}  // namespace edl
