// SPDX-License-Identifier: Apache-2.0
// edl-top: who teaches whom in a registry, and how they do: live on a terminal, or once as text or JSON.
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <clocale>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/termination.h"
#include "src/registry/redis_connect.h"
#include "src/registry/registry_store.h"
#include "src/top/display_text.h"
#include "src/top/fleet_feed.h"
#include "src/top/fleet_reader.h"
#include "src/top/report.h"
#include "src/top/screen.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{100};  // for a signal, and for what Redis has said
constexpr int kUsualWidth = 80;
constexpr int kAllPages = 100'000;  // of some thousand keys each

constexpr char kHelp[] =
    "Shows the fleet of a registry as htop shows processes: services, their teachers (state, model, device, rows/s,\n"
    "requests, latency, whom they teach) and their students (rows/s, and what they wait for).\n"
    "\n"
    "  edl-top --redis redis://10.0.0.1:6379                     live; ? explains the keys and the columns, q quits\n"
    "  edl-top --redis redis://10.0.0.1:6379 --once              all services, as tables\n"
    "  edl-top --redis redis://10.0.0.1:6379 --once --json       the same for programs, with all that members say\n"
    "\n"
    "It only reads: it asks no member, changes nothing, and a Redis user suffices that may read:\n"
    "  ACL SETUSER top on >password resetkeys %R~/service/* -@all +@connection +@read +role +time   (Redis 7)\n"
    "Members write their numbers every 1.5 s; servers of edl-register write none, and older members neither.\n"
    "NO_COLOR in the environment, set to anything, keeps it from using colours.\n"
    "\n"
    "The exit status is 0; 1 when --once cannot read from Redis; 2 when an option makes no sense.";

struct TopFlags {
  std::string redis;
  std::string service;
  double interval_s = 2;
  bool once = false;
  bool json = false;
};

absl::StatusOr<WholeFleet> ReadAll(FleetReader& reader, const std::string& service) {
  WholeFleet fleet;
  if (service.empty()) EDL_RETURN_IF_ERROR(reader.FindServices(kAllPages).status());
  EDL_ASSIGN_OR_RETURN(FleetSnapshot first, reader.Read(service));
  fleet.at_ms = first.at_ms;
  fleet.more_services = first.more_services;
  for (const ServiceSummary& one : first.services) {
    if (one.name == first.current.name) {
      fleet.services.push_back(std::move(first.current));
    } else {
      EDL_ASSIGN_OR_RETURN(FleetSnapshot other, reader.Read(one.name));
      fleet.services.push_back(std::move(other.current));
    }
  }
  return fleet;
}

int TerminalWidth() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualWidth;
}

absl::Status PrintOnce(const TopFlags& flags, const RedisAddress& address) {
  Interrupt interrupt;
  EDL_ASSIGN_OR_RETURN(const std::unique_ptr<RedisConnection> redis, ConnectToRedis(address, {}, interrupt));
  FleetReader reader(*redis);
  EDL_ASSIGN_OR_RETURN(const WholeFleet fleet, ReadAll(reader, flags.service));
  const std::string report = flags.json ? JsonReport(fleet) : PlainReport(fleet, TerminalWidth());
  std::fwrite(report.data(), 1, report.size(), stdout);
  return absl::OkStatus();
}

absl::Status ShowLive(const TopFlags& flags, const RedisAddress& address) {
  Termination termination;  // so that the terminal is restored, whatever ends this
  const milliseconds interval(static_cast<std::int64_t>(flags.interval_s * 1e3));
  EDL_ASSIGN_OR_RETURN(const std::unique_ptr<Screen> screen, Screen::Open());
  SetLogLevel("off");  // it would be written across the screen
  EDL_ASSIGN_OR_RETURN(const std::unique_ptr<FleetFeed> feed, FleetFeed::Start(address, interval, flags.service));
  FleetView view(address.ToString(), flags.service);
  std::int64_t seen = 0;
  bool draw = true;
  while (!view.quit() && !termination.AwaitFor(milliseconds(0))) {
    FleetNews news;
    if (feed->News(seen, news)) {
      view.Take(std::move(news));
      draw = true;
    }
    if (draw) screen->Draw(view.Draw(screen->width(), screen->height()));
    const Screen::Event event = screen->Await(kLook);
    if (event.ended) return absl::OkStatus();
    if (event.press) view.Press(*event.press);
    if (!view.service().empty()) feed->Choose(view.service());
    draw = event.resized || event.press;
  }
  return absl::OkStatus();
}

int Fail(int status, const char* option, const absl::Status& why) {
  std::fprintf(stderr, "edl-top: %s%s\n", option, Printable(std::string(why.message())).c_str());
  return status;
}

int Run(const TopFlags& flags) {
  const absl::StatusOr<RedisAddress> address = RedisAddress::Parse(flags.redis);
  if (!address.ok()) return Fail(2, "--redis: ", address.status());
  if (!flags.service.empty()) {
    if (absl::Status status = CheckServiceName(flags.service); !status.ok()) return Fail(2, "--service: ", status);
  }
  const absl::Status status = flags.once ? PrintOnce(flags, *address) : ShowLive(flags, *address);
  if (status.ok()) return 0;
  return Fail(absl::IsFailedPrecondition(status) && !flags.once ? 2 : 1, "", status);
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "");  // what the terminal's bytes mean
  std::setlocale(LC_NUMERIC, "C");
  edl::TopFlags flags;
  CLI::App app(edl::kHelp);
  app.set_version_flag("--version", EDL_VERSION);
  app.add_option("--redis", flags.redis,
                 "The registry: redis://[user:password@]host:port[/db], or through sentinels\n"
                 "redis+sentinel://[user:password@]host:port,host:port/master-name[/db].\n"
                 "Other users of this machine see a command line: better set EDL_REDIS")
      ->required()
      ->envname("EDL_REDIS");
  app.add_option("--service", flags.service, "The service to show first; with --once the only one")
      ->envname("EDL_SERVICE");
  app.add_option("--interval", flags.interval_s, "Seconds from one look to the next")
      ->check(CLI::Range(0.2, 3600.0))
      ->capture_default_str();
  CLI::Option* once = app.add_flag("--once", flags.once, "Print all services once, 256 at most, and end");
  app.add_flag("--json", flags.json, "As JSON; see docs/registry.md for the names")->needs(once);
  CLI11_PARSE(app, argc, argv);
  return edl::Run(flags);
}
