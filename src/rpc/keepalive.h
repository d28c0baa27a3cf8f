// SPDX-License-Identifier: Apache-2.0
// Keepalive: how either side notices that a connection leads nowhere any more.
// Place: the client's channels, the teacher's server. Setting a keepalive time also makes gRPC set TCP_USER_TIMEOUT to
//        kPingTimeout, so that bytes which nobody acknowledges for so long end the connection; that is what finds most
//        dead peers, since a request is megabytes. What is acknowledged and never answered, attempt_timeout and hedging
//        find; a probe that is not answered is repeated on a new connection (TeacherClient::Reconnect).
// Source: gRPC's keepalive user guide, and gRFC A8 and A9. Units: milliseconds.
#pragma once

namespace edl {

inline constexpr int kPingTimeout = 20'000;

// The client pings only while a call is in flight, and no oftener than the strictest server allows that nobody has
// configured: one ping in 5 minutes without data, in gRPC's own servers in every language. A third one too many and
// such a server (a user's Triton) would cut the connection with ENHANCE_YOUR_CALM.
inline constexpr int kClientPingTime = 330'000;

// Clients do not count pings: the server may look after its students as it likes, those that send nothing too, and so
// find the requests that it would compute for nobody. It lets other people's clients do the same.
inline constexpr int kServerPingTime = 60'000;
inline constexpr int kServerLeastPingInterval = 5'000;

}  // namespace edl
