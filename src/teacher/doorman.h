// SPDX-License-Identifier: Apache-2.0
// Doorman: turns away connections to a server that are more than it takes.
// Place: beside gRPC's listeners, which it looks after from outside: gRPC 1.51 accepts without a bound, and a listener
//        of its that once finds no file descriptor left never accepts again. Connections of our own making
//        (ExternalConnectionAcceptor) are no way out: gRPC reads from them on the thread that hands them over, under a
//        lock that the next one needs, for as long as there is something to read.
// Rules: no sooner than it looks the next time, ten times a second, is one too many closed; those that it has not seen
//        before go first.
// Thread-safety: one thread at a time.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/base/executor.h"
#include "src/base/interrupt.h"
#include "src/base/thread.h"

namespace edl {

class Doorman {
 public:
  // `endpoints`: where the server listens, with the real ports. Of the files that this process may have open the
  // connections get no more than half, whatever `max_connections` says.
  Doorman(const std::vector<std::string>& endpoints, std::int64_t max_connections);
  ~Doorman();

 private:
  struct Connection {
    int socket = -1;
    ino_t identity = 0;  // numbers of sockets are used again, these are not
  };

  void Work();
  std::size_t CountFiles();
  std::vector<Connection> FindConnections();
  bool IsOfServer(int socket) const;
  static bool End(const Connection& connection);
  void TurnAway(const std::vector<Connection>& connections);
  void Warn(std::size_t turned_away);

  // Constant.
  std::set<int> ports_;
  std::set<std::string> paths_;  // of Unix sockets
  const std::size_t most_;

  // The doorman's thread only. The folder stays open, for there may be no file left to open it with.
  const std::unique_ptr<DIR, int (*)(DIR*)> files_;
  std::set<ino_t> inside_;  // those that were there when it last looked, and stay
  std::optional<TimePoint> warned_;

  Interrupt interrupt_;
  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
