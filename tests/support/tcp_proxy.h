// SPDX-License-Identifier: Apache-2.0
// TcpProxy: a wire between students and one teacher that a test can cut, stall, slow down or let vanish.
// Thread-safety: any thread.
// Lifetime: its connections end with it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/thread.h"

namespace edl::test {

class TcpProxy {
 public:
  // Listens on a free port of this machine; `target` is "127.0.0.1:port", and need not be there yet.
  explicit TcpProxy(const std::string& target);
  ~TcpProxy();

  // What students are told instead of the teacher's.
  const std::string& endpoint() const { return endpoint_; }

  // As if every packet was dropped: connections stay up, new ones are accepted, and not a byte flows. Flow lets
  // everything go on where it stopped, as TCP does when packets come through again.
  void Stall();
  void Flow();
  // As if a router on the way forgot them: nothing flows any more over the connections of now; new ones work.
  void Forget();
  // No more than so many bytes a second get through, both ways and all connections together; 0: as many as come.
  void SlowTo(std::int64_t bytes_per_second);
  // When so many more bytes have come from the teacher, all connections of then are reset. Once.
  void CutAfter(std::int64_t reply_bytes);

  // How often CutAfter has come to pass.
  std::int64_t cuts() const { return cuts_.load(); }

 private:
  struct Connection;

  void Run();
  // How long nothing may flow, in ms, since the wire is slow; 0: it flows.
  int Pay();
  void Accept();
  bool Shovel(Connection& connection, bool is_reply);
  void ResetAll();
  void Wake();

  const int target_port_;
  int listener_ = -1;
  int wake_ = -1;
  std::string endpoint_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<bool> forget_{false};
  std::atomic<std::int64_t> cut_after_{-1};  // reply bytes until the cut; negative: no cut
  std::atomic<std::int64_t> cuts_{0};
  std::atomic<std::int64_t> speed_{0};  // bytes a second; 0: no bound

  // The proxy's thread only.
  std::list<Connection> connections_;
  double credit_ = 0;  // bytes that may flow at once, while the wire is slow
  std::chrono::steady_clock::time_point paid_;

  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl::test
