// SPDX-License-Identifier: Apache-2.0
// bench_queue: items through the reorder ring, beside its twin with a lock around everything, in the ring's role:
// several producers that put out of order, one consumer that takes in order and sleeps while the next item is missing.
// For scale, two queues that keep no order: atomic_queue, whose consumer yields instead of sleeping, and a std::deque
// under a std::mutex.
// How: a run moves as many items as the ring holds, so that nobody waits for room; producers take the numbers in small
// groups and put each group backwards. In a round each contender runs some times, in another order each time.
// Limits: with fewer cores than threads, the scheduler has a part in every number.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "atomic_queue/atomic_queue.h"
#include "bench/result.h"
#include "src/queue/mutex_reorder_ring.h"
#include "src/queue/reorder_ring.h"

namespace edl::bench {
namespace {

constexpr std::uint64_t kItems = 1 << 16;
constexpr std::uint64_t kGroup = 8;
static_assert(kItems % kGroup == 0);

struct Item {
  std::uint64_t number;
};

class AtomicQueue {
 public:
  explicit AtomicQueue(std::size_t capacity) : queue_(static_cast<unsigned>(capacity)) {}
  void Put(std::uint64_t /*number*/, std::unique_ptr<Item> item) { queue_.push(item.release()); }
  std::unique_ptr<Item> Take() {
    Item* item = nullptr;
    while (!queue_.try_pop(item)) std::this_thread::yield();
    return std::unique_ptr<Item>(item);
  }

 private:
  atomic_queue::AtomicQueueB<Item*> queue_;
};

class LockedDeque {
 public:
  explicit LockedDeque(std::size_t /*capacity*/) {}
  void Put(std::uint64_t /*number*/, std::unique_ptr<Item> item) {
    const std::lock_guard<std::mutex> lock(mu_);
    items_.push_back(std::move(item));
    changed_.notify_one();
  }
  std::unique_ptr<Item> Take() {
    std::unique_lock<std::mutex> lock(mu_);
    changed_.wait(lock, [this] { return !items_.empty(); });
    std::unique_ptr<Item> item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Item>> items_;
};

// Lets all threads go at once.
class StartingGun {
 public:
  void AwaitReady(int threads) const {
    while (ready_.load() < threads) std::this_thread::yield();
  }
  void Fire() { fired_.store(true); }
  void Await() {
    ready_.fetch_add(1);
    while (!fired_.load()) std::this_thread::yield();
  }

 private:
  std::atomic<int> ready_{0};
  std::atomic<bool> fired_{false};
};

// Nanoseconds an item, of one run. Items are made before and deleted after.
template <typename Queue, bool kInOrder>
double Run(int producers) {
  Queue queue(kItems);
  std::vector<std::unique_ptr<Item>> items, taken(kItems);
  for (std::uint64_t number = 0; number < kItems; ++number) items.push_back(std::make_unique<Item>(Item{number}));
  std::atomic<std::uint64_t> next{0};
  StartingGun gun;
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&] {
      gun.Await();
      while (true) {
        const std::uint64_t first = next.fetch_add(kGroup, std::memory_order_relaxed);
        if (first >= kItems) return;
        for (std::uint64_t i = first + kGroup; i-- > first;) queue.Put(i, std::move(items[i]));
      }
    });
  }
  gun.AwaitReady(producers);
  const auto start = std::chrono::steady_clock::now();
  gun.Fire();
  for (std::unique_ptr<Item>& item : taken) item = queue.Take();
  const auto time = std::chrono::steady_clock::now() - start;
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t number = 0; kInOrder && number < kItems; ++number) {
    if (taken[number]->number != number) std::abort();
  }
  return std::chrono::duration<double, std::nano>(time).count() / static_cast<double>(kItems);
}

struct Contender {
  std::string name;
  std::function<double(int producers)> run;
};

const std::vector<Contender>& Contenders() {
  static const auto& all = *new std::vector<Contender>{
      {"reorder ring", Run<ReorderRing<Item>, true>},
      {"its mutex twin", Run<MutexReorderRing<Item>, true>},
      {"atomic_queue, no order", Run<AtomicQueue, false>},
      {"mutex and deque, no order", Run<LockedDeque, false>},
  };
  return all;
}

struct Settings {
  int rounds = 7;
  int runs = 15;
  std::vector<int> producers = {1, 4};
  std::string json;
};

// Nanoseconds an item, one number a round.
using Times = std::map<std::string, std::vector<double>>;

Times Match(int producers, const Settings& settings) {
  Times times;
  std::mt19937 random(1);
  for (int round = 0; round < settings.rounds; ++round) {
    std::vector<Contender> order = Contenders();
    std::shuffle(order.begin(), order.end(), random);
    for (const Contender& contender : order) {
      std::vector<double> runs;
      for (int run = 0; run < settings.runs; ++run) runs.push_back(contender.run(producers));
      times[contender.name].push_back(Spread::Of(runs).median);
    }
  }
  return times;
}

void PrintTimes(int producers, const Times& times) {
  std::printf("\n%d producer(s), one consumer\n%-28s %9s %15s %15s\n", producers, "", "ns/item", "least to most",
              "million items/s");
  for (const Contender& contender : Contenders()) {
    const Spread spread = Spread::Of(times.at(contender.name));
    std::printf("%-28s %9.1f %6.1f to %-6.1f %14.1f\n", contender.name.c_str(), spread.median, spread.least,
                spread.most, 1e3 / spread.median);
  }
}

// How many times the rival's rate the ring's is.
Result Ratio(const std::string& name, int producers, const Times& times, const std::string& rival) {
  const std::vector<double>& ours = times.at(Contenders().front().name);
  std::vector<double> ratios;
  for (std::size_t round = 0; round < ours.size(); ++round) ratios.push_back(times.at(rival)[round] / ours[round]);
  return {absl::StrCat("queue_ring_vs_", name, producers == 1 ? "_1_producer" : ""),
          Spread::Of(ratios),
          "ratio",
          {{"ring, ns/item", Spread::Of(ours).median}, {rival + ", ns/item", Spread::Of(times.at(rival)).median}},
          absl::StrCat("items/s, ", producers, " producer(s)")};
}

int Measure(const Settings& settings, const std::string& command) {
  std::vector<Result> results;
  for (int producers : settings.producers) {
    const Times times = Match(producers, settings);
    PrintTimes(producers, times);
    results.push_back(Ratio("mutex_twin", producers, times, "its mutex twin"));
    results.push_back(Ratio("atomic_queue", producers, times, "atomic_queue, no order"));
    results.push_back(Ratio("mutex_deque", producers, times, "mutex and deque, no order"));
  }
  Print(results);
  WriteJson(results, command, settings.json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  using namespace edl::bench;
  Settings settings;
  CLI::App app("Measures the reorder ring beside its twin with a lock, and queues that keep no order.");
  app.option_defaults()->always_capture_default();
  app.add_option("--rounds", settings.rounds, "Rounds, in which each contender has its turn")
      ->check(CLI::Range(1, 1000));
  app.add_option("--runs", settings.runs, "Runs of a contender a round, of which the median counts")
      ->check(CLI::Range(1, 1000));
  app.add_option("--json", settings.json, "Also write the results there");
  CLI11_PARSE(app, argc, argv);
  std::string command = "bench_queue";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return Measure(settings, command);
}
