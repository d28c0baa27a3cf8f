// SPDX-License-Identifier: Apache-2.0
// ConnectionDeadlines: ends connections that take too long in all, however often they send a byte.
// Place: HttpServer adds a connection when it is accepted and removes it before it is closed; libmicrohttpd itself
//        knows nothing but a bound of silence.
// Rules: all have the same time, so those that were added first are over first.
// Thread-safety: any thread.
#pragma once

#include <chrono>
#include <deque>

#include "src/base/executor.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"

namespace edl {

class ConnectionDeadlines {
 public:
  explicit ConnectionDeadlines(std::chrono::milliseconds longest);
  ~ConnectionDeadlines();
  ConnectionDeadlines(const ConnectionDeadlines&) = delete;
  ConnectionDeadlines& operator=(const ConnectionDeadlines&) = delete;

  // From now on it has `longest`; then it is shut down in both directions, and its owner finds it at its end.
  void Add(int fd);
  // Before it is closed: its number may be another's then.
  void Remove(int fd);

 private:
  struct Connection {
    TimePoint deadline;
    int fd;
  };

  void Run();

  const std::chrono::milliseconds longest_;

  Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Connection> open_ ABSL_GUARDED_BY(mu_);  // by their deadlines; as many as the server lets in

  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
