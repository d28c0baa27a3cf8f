// SPDX-License-Identifier: Apache-2.0
// bench_recover: how soon a reader reacts when a teacher is killed, hangs, drains or joins: median and worst of some
// rounds, and the longest that Next() took meanwhile.
// Usage: bench_recover [--rounds N] [--redis redis://host:port] [--json FILE]
//   --redis   an empty Redis that nothing else uses; without it, what needs one is left out
// Limits: loopback; teachers that compute for 8 ms; a source that gives a batch every 2 ms, so that teachers have room
// and what is measured is the reaction, not the queue. The victim is a process of its own where a signal is sent.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/recover_rig.h"
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

struct Result {
  std::string event;
  std::vector<Round> rounds;

  double Median(double Round::*field) const { return Sorted(field)[rounds.size() / 2]; }
  double Worst(double Round::*field) const { return Sorted(field).back(); }

 private:
  std::vector<double> Sorted(double Round::*field) const {
    std::vector<double> values;
    for (const Round& round : rounds) values.push_back(round.*field);
    std::sort(values.begin(), values.end());
    return values;
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

Result RowsElsewhere(const std::string& event, Harm harm, int rounds) {
  Result result{event, {}};
  auto victim = StartVictim();
  const std::string endpoint = victim->endpoint();
  RecoverRig rig(Fixed(endpoint), kAttemptTimeout);
  while (static_cast<int>(result.rounds.size()) < rounds) {
    rig.AwaitBusy(endpoint);
    rig.TakeLongestGap();
    const Clock::time_point start = Clock::now();
    harm == Harm::kKill ? victim->Kill() : victim->Pause();
    const std::vector<std::int64_t> lost = rig.AtTheVictim();
    const std::optional<Clock::time_point> elsewhere = rig.AwaitElsewhere(lost);
    if (elsewhere) result.rounds.push_back({Milliseconds(*elsewhere - start), Milliseconds(rig.TakeLongestGap())});
    if (harm == Harm::kKill) {
      victim = StartVictim(endpoint);
    } else {
      victim->Resume();
    }
  }
  return result;
}

// All teachers are gone; one comes back. Until the next batch is out, from the moment that it serves.
Result FirstBatchAfterNobody(int rounds) {
  Result result{"all killed, one serves again -> next batch", {}};
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
    result.rounds.push_back({Milliseconds(Clock::now() - start), Milliseconds(rig.TakeLongestGap())});
  }
  return result;
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

Result LastSentAfterSigterm(int rounds) {
  Result result{"SIGTERM, no registry -> last request sent to it", {}};
  auto victim = StartVictim();
  const std::string endpoint = victim->endpoint();
  RecoverRig rig(Fixed(endpoint), kAttemptTimeout);
  for (int round = 0; round < rounds; ++round) {
    rig.AwaitBusy(endpoint);
    rig.TakeLongestGap();
    const Clock::time_point start = Clock::now();
    victim->Terminate();
    const Clock::time_point last = LastSent(rig, endpoint, start);
    result.rounds.push_back({Milliseconds(last - start), Milliseconds(rig.TakeLongestGap())});
    victim->Wait();
    victim = StartVictim(endpoint);
  }
  return result;
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
std::vector<Result> RegisterAndDrain(const std::string& redis, int rounds) {
  Result joins{"registers in Redis -> first reply used", {}};
  Result drains{"drains in Redis -> last request sent to it", {}};
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

void Print(const std::vector<Result>& results, int rounds) {
  std::printf("%-48s %19s   %19s\n%-48s %9s %9s   %9s %9s\n", "ms", "reaction", "longest Next()",
              ("of " + std::to_string(rounds) + " rounds").c_str(), "median", "worst", "median", "worst");
  for (const Result& result : results) {
    std::printf("%-48s %9.1f %9.1f   %9.1f %9.1f\n", result.event.c_str(), result.Median(&Round::reaction_ms),
                result.Worst(&Round::reaction_ms), result.Median(&Round::gap_ms), result.Worst(&Round::gap_ms));
  }
}

void WriteJson(const std::vector<Result>& results, const std::string& file) {
  std::ofstream out(file);
  out << "{\"attempt_timeout_ms\": " << kAttemptTimeout.count() << ", \"compute_ms\": " << kCompute.count()
      << ", \"pace_ms\": " << kPace.count() << ", \"events\": [";
  for (std::size_t r = 0; r < results.size(); ++r) {
    const Result& result = results[r];
    auto list = [&](double Round::*field) {
      std::string text;
      for (const Round& round : result.rounds) text += (text.empty() ? "" : ", ") + std::to_string(round.*field);
      return text;
    };
    out << (r == 0 ? "" : ",") << "\n  {\"event\": \"" << result.event << "\",\n   \"reaction_ms\": ["
        << list(&Round::reaction_ms) << "],\n   \"longest_next_ms\": [" << list(&Round::gap_ms) << "]}";
  }
  out << "\n]}\n";
}

int Run(int rounds, const std::string& redis, const std::string& json) {
  std::vector<Result> results;
  results.push_back(RowsElsewhere("SIGKILL -> its rows on another lane", Harm::kKill, rounds));
  results.push_back(RowsElsewhere("SIGSTOP -> its rows on another lane", Harm::kHang, rounds));
  results.push_back(LastSentAfterSigterm(rounds));
  results.push_back(FirstBatchAfterNobody(rounds));
  if (!redis.empty()) {
    for (Result& result : RegisterAndDrain(redis, rounds)) results.push_back(std::move(result));
  }
  Print(results, rounds);
  std::printf("attempt_timeout %lld ms; undisturbed, Next() takes the source's %lld ms\n",
              static_cast<long long>(kAttemptTimeout.count()), static_cast<long long>(kPace.count()));
  if (!json.empty()) WriteJson(results, json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  int rounds = 20;
  std::string redis, json;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--serve") return edl::bench::ServeUntilTerminated(argv[i + 1]);
    if (flag == "--rounds") rounds = std::max(1, std::atoi(argv[i + 1]));
    if (flag == "--redis") redis = argv[i + 1];
    if (flag == "--json") json = argv[i + 1];
  }
  if (argc % 2 == 0) {
    std::fprintf(stderr, "usage: bench_recover [--rounds N] [--redis redis://host:port] [--json FILE]\n");
    return 2;
  }
  return edl::bench::Run(rounds, redis, json);
}
