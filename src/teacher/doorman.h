// SPDX-License-Identifier: Apache-2.0
// Doorman: ends connections to a server that are more than it takes, or send more than it keeps.
// Place: beside gRPC's listeners, which it looks after from outside: gRPC 1.51 accepts without a bound, and a listener
//        of its that once finds no file descriptor left never accepts again. Connections of our own making
//        (ExternalConnectionAcceptor) are no way out: gRPC reads from them on the thread that hands them over, under a
//        lock that the next one needs, for as long as there is something to read. And before 1.53.2 it keeps headers
//        without end (CVE-2023-33953), of which only the socket tells: their bytes, not what they are unpacked to.
// Rules: it looks ten times a second. Of connections that are too many, those that it has not seen before go first.
//        Unfinished is what a connection has sent since a request of it last arrived: while all together have too much
//        of that, those go whose address has most, and of them the one with most first. (No request can arrive over a
//        connection while headers come.)
// Thread-safety: one thread at a time.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/base/executor.h"
#include "src/base/interrupt.h"
#include "src/base/thread.h"
#include "src/teacher/arrivals.h"
#include "src/teacher/peer.h"

namespace edl {

class Doorman {
 public:
  struct Bounds {
    std::int64_t connections;  // and no more than half of the files that this process may have open
    std::int64_t unfinished_bytes;
  };

  // `endpoints`: where the server listens, with the real ports. `arrivals` outlives this.
  Doorman(const std::vector<std::string>& endpoints, const Bounds& bounds, Arrivals& arrivals);
  ~Doorman();

 private:
  struct Connection {
    int socket = -1;
    ino_t identity = 0;  // numbers of sockets are used again, these are not
    Peer peer;
    std::uint64_t received = 0;    // bytes; of a Unix socket nothing is known
    std::uint64_t unfinished = 0;  // of those
  };

  void Work();
  void Look();
  std::vector<Connection> FindConnections();
  std::optional<Peer> PeerOf(int socket) const;
  static bool End(const Connection& connection);
  void Measure(std::set<Peer> arrived, std::vector<Connection>& connections) const;
  void CutOff(const std::vector<Connection>& connections);
  void TurnAway(const std::vector<Connection>& connections);

  // Constant.
  std::set<int> ports_;
  std::set<std::string> paths_;  // of Unix sockets
  const std::size_t most_;
  const std::uint64_t most_unfinished_;
  Arrivals& arrivals_;

  // The doorman's thread only. The folder stays open, for there may be no file left to open it with.
  const std::unique_ptr<DIR, int (*)(DIR*)> files_;
  // Those that were there when it last looked, and stay: what each had sent when a request of it last arrived.
  std::map<ino_t, std::uint64_t> inside_;
  std::optional<TimePoint> warned_of_many_, warned_of_much_;

  Interrupt interrupt_;
  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
