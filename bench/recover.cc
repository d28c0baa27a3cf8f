// SPDX-License-Identifier: Apache-2.0
// bench_recover: how soon a reader reacts when a teacher is killed, hangs, drains or joins: median and worst of some
// rounds, and the longest that Next() took meanwhile.
// What needs a Redis starts one; where there is no redis-server, it is left out.
// Limits: loopback; teachers that compute for 8 ms; a source that gives a batch every 2 ms, so that teachers have room
// and what is measured is the reaction, not the queue. The victim is a process of its own where a signal is sent.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "bench/recover_rig.h"
#include "bench/result.h"
#include "edl/testing/redis_process.h"
#include "src/registry/lease_keeper.h"

namespace edl::bench {
namespace {

using std::chrono::milliseconds;
using testing::TeacherProcess;

constexpr milliseconds kAttemptTimeout{250};

struct Round {
  double reaction_ms;
  double gap_ms;  // the longest Next()
};

struct Reaction {
  std::string name;   // of its result
  std::string event;  // for people
  std::vector<Round> rounds;

  Spread Of(double Round::*field) const {
    std::vector<double> values;
    for (const Round& round : rounds) values.push_back(round.*field);
    return Spread::Of(values);
  }
};

double Milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// This program again, as a teacher.
std::unique_ptr<TeacherProcess> StartVictim(const std::string& listen = "127.0.0.1:0") {
  auto victim = TeacherProcess::Start({"/proc/self/exe", "--serve", listen});
  if (!victim.ok()) {
    std::fprintf(stderr, "bench_recover: %s\n", victim.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(victim);
}

int ServeUntilTerminated(const std::string& listen) {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminate, nullptr);
  auto server = Serve(listen, nullptr);
  std::printf("serving place at %s\n", server->endpoint().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&terminate, &signal);
  return server->Drain(std::chrono::seconds(10)).ok() ? 0 : 1;
}

auto Fixed(std::string victim) {
  return [victim = std::move(victim)](std::vector<std::string> endpoints) {
    endpoints.push_back(victim);
    return FixedTeachers(std::move(endpoints));
  };
}

enum class Harm { kKill, kHang };

Reaction RowsElsewhere(Reaction reaction, Harm harm, int rounds) {
  auto victim = StartVictim();
  const std::string endpoint = victim->endpoint();
  RecoverRig rig(Fixed(endpoint), kAttemptTimeout);
  while (static_cast<int>(reaction.rounds.size()) < rounds) {
    rig.AwaitBusy(endpoint);
    rig.TakeLongestGap();
    const Clock::time_point start = Clock::now();
    harm == Harm::kKill ? victim->Kill() : victim->Pause();
    const std::vector<std::int64_t> lost = rig.AtTheVictim();
    const std::optional<Clock::time_point> elsewhere = rig.AwaitElsewhere(lost);
    if (elsewhere) reaction.rounds.push_back({Milliseconds(*elsewhere - start), Milliseconds(rig.TakeLongestGap())});
    if (harm == Harm::kKill) {
      victim = StartVictim(endpoint);
    } else {
      victim->Resume();
    }
  }
  return reaction;
}

// All teachers are gone; one comes back. Until the next batch is out, from the moment that it serves.
Reaction FirstBatchAfterNobody(int rounds) {
  Reaction reaction{"recover_first_batch_ms", "all killed, one serves again -> next batch", {}};
  auto victim = StartVictim();
  const std::string endpoint = victim->endpoint();
  RecoverRig rig([&](const auto&) { return FixedTeachers({endpoint}); }, kAttemptTimeout);
  for (int round = 0; round < rounds; ++round) {
    rig.AwaitBusy(endpoint);
    victim->Kill();
    rig.Await([&] { return rig.lane(endpoint).state != "ready" && rig.lane(endpoint).in_flight == 0; });
    std::this_thread::sleep_for(milliseconds(round * 37 % 400));  // at any moment of the reader's patience
    rig.TakeLongestGap();
    const std::int64_t delivered = rig.delivered();
    victim = StartVictim(endpoint);
    const Clock::time_point start = Clock::now();
    rig.Await([&] { return rig.delivered() > delivered; });
    reaction.rounds.push_back({Milliseconds(Clock::now() - start), Milliseconds(rig.TakeLongestGap())});
  }
  return reaction;
}

// When the last request was sent to it: looks for as long as a batch takes ten times.
Clock::time_point LastSent(const RecoverRig& rig, const std::string& endpoint, Clock::time_point start) {
  Clock::time_point last = start;
  std::int64_t attempts = rig.lane(endpoint).attempts;
  for (Clock::time_point now = start; now < last + 10 * kCompute || now < start + 10 * kCompute; now = Clock::now()) {
    const std::int64_t seen = rig.lane(endpoint).attempts;
    if (seen > attempts) last = now;
    attempts = seen;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return last;
}

Reaction LastSentAfterSigterm(int rounds) {
  Reaction reaction{"recover_sigterm_ms", "SIGTERM, no registry -> last request sent to it", {}};
  auto victim = StartVictim();
  const std::string endpoint = victim->endpoint();
  RecoverRig rig(Fixed(endpoint), kAttemptTimeout);
  for (int round = 0; round < rounds; ++round) {
    rig.AwaitBusy(endpoint);
    rig.TakeLongestGap();
    const Clock::time_point start = Clock::now();
    victim->Terminate();
    const Clock::time_point last = LastSent(rig, endpoint, start);
    reaction.rounds.push_back({Milliseconds(last - start), Milliseconds(rig.TakeLongestGap())});
    victim->Wait();
    victim = StartVictim(endpoint);
  }
  return reaction;
}

std::unique_ptr<LeaseKeeper> Register(const std::string& redis, const std::string& endpoint) {
  LeaseOptions options;
  options.redis = redis;
  options.service = "bench_recover";
  options.endpoint = endpoint;
  auto lease = LeaseKeeper::Start(options, nullptr);
  if (!lease.ok()) {
    std::fprintf(stderr, "bench_recover: %s\n", lease.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(lease);
}

// One teacher registers, teaches, and drains, again and again.
std::vector<Reaction> RegisterAndDrain(const std::string& redis, int rounds) {
  Reaction joins{"recover_join_ms", "registers in Redis -> first reply used", {}};
  Reaction drains{"recover_drain_ms", "drains in Redis -> last request sent to it", {}};
  std::vector<std::unique_ptr<LeaseKeeper>> stay;
  RecoverRig rig(
      [&](const std::vector<std::string>& endpoints) {
        for (const std::string& endpoint : endpoints) stay.push_back(Register(redis, endpoint));
        RedisTeachersOptions options;
        options.redis = redis;
        options.service = "bench_recover";
        return RedisTeachers(options);
      },
      kAttemptTimeout);
  for (auto& lease : stay) rig.Await([&] { return lease->AwaitListed(milliseconds(1)).ok(); });
  for (int round = 0; round < rounds; ++round) {
    auto victim = Serve("127.0.0.1:0", nullptr);
    const std::string endpoint = victim->endpoint();
    rig.TakeLongestGap();
    Clock::time_point start = Clock::now();
    auto lease = Register(redis, endpoint);
    rig.Await([&] { return rig.lane(endpoint).completed > 0; });
    joins.rounds.push_back({Milliseconds(Clock::now() - start), Milliseconds(rig.TakeLongestGap())});

    rig.AwaitBusy(endpoint);
    rig.TakeLongestGap();
    Clock::time_point last;
    start = Clock::now();
    std::thread watcher([&] { last = LastSent(rig, endpoint, start); });
    lease->Drain(std::chrono::seconds(10)).IgnoreError();
    watcher.join();
    drains.rounds.push_back({Milliseconds(last - start), Milliseconds(rig.TakeLongestGap())});
    lease->Stop();
  }
  return {joins, drains};
}

void Print(const std::vector<Reaction>& reactions, int rounds) {
  std::printf("%-48s %19s   %19s\n%-48s %9s %9s   %9s %9s\n", "ms", "reaction", "longest Next()",
              ("of " + std::to_string(rounds) + " rounds").c_str(), "median", "worst", "median", "worst");
  for (const Reaction& reaction : reactions) {
    const Spread time = reaction.Of(&Round::reaction_ms), gap = reaction.Of(&Round::gap_ms);
    std::printf("%-48s %9.1f %9.1f   %9.1f %9.1f\n", reaction.event.c_str(), time.median, time.most, gap.median,
                gap.most);
  }
}

Result ToResult(const Reaction& reaction) {
  const Spread gap = reaction.Of(&Round::gap_ms);
  return {reaction.name,
          reaction.Of(&Round::reaction_ms),
          "ms",
          {{"longest Next(), median ms", gap.median}, {"longest Next(), worst ms", gap.most}},
          absl::StrCat(reaction.event, "; teachers compute for ", kCompute.count(), " ms, a batch each ", kPace.count(),
                       " ms, attempt_timeout ", kAttemptTimeout.count(), " ms")};
}

int Run(int rounds, const std::string& command, const std::string& json) {
  std::vector<Reaction> reactions;
  reactions.push_back(
      RowsElsewhere({"recover_sigkill_ms", "SIGKILL -> its rows on another lane", {}}, Harm::kKill, rounds));
  reactions.push_back(
      RowsElsewhere({"recover_sigstop_ms", "SIGSTOP -> its rows on another lane", {}}, Harm::kHang, rounds));
  reactions.push_back(LastSentAfterSigterm(rounds));
  reactions.push_back(FirstBatchAfterNobody(rounds));
  if (auto redis = testing::RedisProcess::Start(); redis.ok()) {
    for (Reaction& reaction : RegisterAndDrain((*redis)->url(), rounds)) reactions.push_back(std::move(reaction));
  } else {
    std::fprintf(stderr, "bench_recover: without Redis: %s\n", redis.status().ToString().c_str());
  }
  Print(reactions, rounds);
  std::printf("attempt_timeout %lld ms; undisturbed, Next() takes the source's %lld ms\n",
              static_cast<long long>(kAttemptTimeout.count()), static_cast<long long>(kPace.count()));
  std::vector<Result> results;
  for (const Reaction& reaction : reactions) results.push_back(ToResult(reaction));
  WriteJson(results, command, json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  int rounds = 20;
  std::string json, listen;
  CLI::App app("Measures how soon a reader reacts when a teacher is killed, hangs, drains or joins.");
  app.option_defaults()->always_capture_default();
  app.add_option("--rounds", rounds, "How often each happens")->check(CLI::Range(1, 1000));
  app.add_option("--json", json, "Also write the results there");
  app.add_option("--serve", listen)->group("");  // what this program starts of itself
  CLI11_PARSE(app, argc, argv);
  if (!listen.empty()) return edl::bench::ServeUntilTerminated(listen);
  std::string command = "bench_recover";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return edl::bench::Run(rounds, command, json);
}
