// SPDX-License-Identifier: Apache-2.0
// How several readers share the teachers of a real redis-server.
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using test::Endpoints;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using test::Teach;
using test::WatchingReader;

TEST(SharedTeachers, AreSharedOutAmongAllReaders) {
  RedisProcess redis;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  for (int t = 0; t < 6; ++t) teachers.push_back(Teach(redis, "t" + std::to_string(t) + ":1"));
  std::vector<std::unique_ptr<WatchingReader>> readers;
  auto shares_are = [&](std::size_t each) {
    Eventually([&] {
      Endpoints all;
      for (auto& reader : readers) {
        const Endpoints share = reader->endpoints();
        if (share.size() != each) return false;
        all.insert(share.begin(), share.end());
      }
      return all.size() == 6;
    });
  };
  for (std::size_t r = 1; r <= 3; ++r) {
    readers.push_back(std::make_unique<WatchingReader>(QuickWatch(redis)));
    shares_are(6 / r);
  }
  readers.pop_back();
  shares_are(3);
}

TEST(SharedTeachers, NoReaderGetsMoreThanItsMaximum) {
  RedisProcess redis;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  for (int t = 0; t < 6; ++t) teachers.push_back(Teach(redis, "t" + std::to_string(t) + ":1"));
  WatchingReader small(QuickWatch(redis), 1);
  WatchingReader large(QuickWatch(redis));
  Eventually([&] { return small.endpoints().size() == 1 && large.endpoints().size() == 5; });
}

TEST(SharedTeachers, AStormOfThemEndsInTheRightSet) {
  RedisProcess redis;
  WatchingReader first(QuickWatch(redis));
  WatchingReader second(QuickWatch(redis));
  constexpr int kTeachers = 200;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  Endpoints wanted;
  for (int t = 0; t < kTeachers; ++t) {
    LeaseOptions options;
    options.redis = redis.url();
    options.service = "s";
    options.endpoint = "t" + std::to_string(t) + ":1";
    auto keeper = LeaseKeeper::Start(options, nullptr);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    teachers.push_back(*std::move(keeper));
    // Every third one leaves again while others are still coming.
    if (t >= 10 && t % 3 == 0) teachers[static_cast<std::size_t>(t) - 10].reset();
  }
  for (std::size_t t = 0; t < teachers.size(); ++t) {
    if (teachers[t] != nullptr) wanted.insert("t" + std::to_string(t) + ":1");
  }
  Eventually([&] {
    Endpoints all = first.endpoints();
    const Endpoints more = second.endpoints();
    const std::size_t each = all.size();
    all.insert(more.begin(), more.end());
    return all == wanted && each + more.size() == wanted.size() &&
           (each > more.size() ? each - more.size() : more.size() - each) <= 1;
  });
}

}  // namespace
}  // namespace edl
