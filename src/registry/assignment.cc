// SPDX-License-Identifier: Apache-2.0
#include "src/registry/assignment.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace edl {
namespace {

// Not absl::Hash or std::hash: all processes of a fleet must agree. The finaliser is that of splitmix64 (Steele, Lea
// and Flood, "Fast Splittable Pseudorandom Number Generators", 2014); the text goes through FNV-1a first.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t Hash(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return Mix(hash);
}

// How much a teacher and a student want each other, the same for both sides: the smaller the more.
std::uint64_t Rank(std::uint64_t teacher, std::uint64_t student) {
  return Mix(teacher ^ Mix(student + 0x9e3779b97f4a7c15u));
}

// What is dealt out, and who takes it: teachers to students, or students to teachers.
struct Item {
  std::uint64_t hash;
  std::size_t index;  // the caller's
};

struct Bin {
  std::uint64_t hash;
  std::size_t index;
  std::int64_t load;  // what it holds, over `strength`
  std::int64_t strength;
  std::size_t room;   // links that it may still take
  bool open = false;  // takes one in this layer
};

bool Lighter(const Bin& a, const Bin& b) {
  return a.load * b.strength < b.load * a.strength;
}

// Deals out items that weigh the same, in layers: in each, every bin that is lightest takes one item, or as many of
// them as there are items left. A layer is the one stable matching of what its items and bins want, so it depends on no
// order, and few of its links differ when few of its members do. Layers are not merged into one matching with several
// seats a bin: no seat would be left over there, and a change would go on until it meets the last of them.
class Dealer {
 public:
  using Link = std::function<void(const Item& item, const Bin& bin)>;

  Dealer(std::vector<Item> items, std::int64_t weight, std::vector<Bin>& bins, bool items_are_teachers, Link link)
      : items_(std::move(items)),
        weight_(weight),
        items_are_teachers_(items_are_teachers),
        link_(std::move(link)),
        dealt_(items_.size()) {
    for (Bin& bin : bins) {
      if (bin.room > 0) heap_.push_back(&bin);
    }
    std::make_heap(heap_.begin(), heap_.end(), Heavier);
  }

  void Deal() {
    FindWishes();
    std::vector<Bin*> layer;
    while (left_ > 0 && !heap_.empty()) {
      layer.clear();
      while (!heap_.empty() && (layer.empty() || !Lighter(*layer.front(), *heap_.front()))) {
        std::pop_heap(heap_.begin(), heap_.end(), Heavier);
        layer.push_back(heap_.back());
        heap_.pop_back();
      }
      for (Bin* bin : layer) bin->open = true;
      Match(wishes_);
      MatchRest(layer);
      for (Bin* bin : layer) PutBack(bin);
    }
  }

 private:
  struct Pair {
    std::uint64_t rank;
    std::size_t item;
    Bin* bin;
  };

  static bool Heavier(const Bin* a, const Bin* b) { return Lighter(*b, *a); }

  // The pairs that want each other most: all pairs are too many to sort, and these leave little to be done.
  void FindWishes() {
    constexpr double kWishes = 24;  // an item, on average
    const double share = kWishes / static_cast<double>(std::max<std::size_t>(heap_.size(), 1));
    FindPairs(heap_, share >= 1 ? UINT64_MAX : static_cast<std::uint64_t>(share * 0x1p64), wishes_);
  }

  void FindPairs(const std::vector<Bin*>& bins, std::uint64_t bound, std::vector<Pair>& pairs) const {
    for (Bin* bin : bins) {
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (dealt_[i]) continue;
        const std::uint64_t rank =
            items_are_teachers_ ? Rank(items_[i].hash, bin->hash) : Rank(bin->hash, items_[i].hash);
        if (rank <= bound) pairs.push_back({rank, i, bin});
      }
    }
    std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
      return std::tie(a.rank, a.item, a.bin->hash) < std::tie(b.rank, b.item, b.bin->hash);
    });
  }

  // Links who wants each other most, then who does of the rest, and so on; drops the pairs of items that are dealt.
  void Match(std::vector<Pair>& pairs) {
    std::size_t kept = 0;
    for (const Pair& pair : pairs) {
      if (dealt_[pair.item]) continue;
      if (pair.bin->open) {
        pair.bin->open = false;
        pair.bin->load += weight_;
        --pair.bin->room;
        dealt_[pair.item] = true;
        --left_;
        link_(items_[pair.item], *pair.bin);
      } else {
        pairs[kept++] = pair;
      }
    }
    pairs.resize(kept);
  }

  // Those whose wishes all went to others: their other pairs are all worse than any wish.
  void MatchRest(const std::vector<Bin*>& layer) {
    std::vector<Bin*> open;
    std::copy_if(layer.begin(), layer.end(), std::back_inserter(open), [](const Bin* bin) { return bin->open; });
    if (open.empty() || left_ == 0) return;
    std::vector<Pair> pairs;
    FindPairs(open, UINT64_MAX, pairs);
    Match(pairs);
  }

  void PutBack(Bin* bin) {
    if (bin->open) {  // the items came to an end before it
      bin->open = false;
    } else if (bin->room > 0) {
      heap_.push_back(bin);
      std::push_heap(heap_.begin(), heap_.end(), Heavier);
    }
  }

  const std::vector<Item> items_;
  const std::int64_t weight_;
  const bool items_are_teachers_;
  const Link link_;
  std::vector<bool> dealt_;
  std::size_t left_ = items_.size();
  std::vector<Bin*> heap_;  // with room; the lightest first
  std::vector<Pair> wishes_;
};

// Indices in the order of the ids, so that nothing hangs on the order given.
template <typename Member>
std::vector<std::size_t> InOrder(const std::vector<Member>& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return members[a].id < members[b].id; });
  return order;
}

}  // namespace

std::vector<std::vector<std::size_t>> AssignTeachers(const std::vector<AssignedTeacher>& teachers,
                                                     const std::vector<AssignedStudent>& students) {
  std::vector<std::vector<std::size_t>> result(students.size());
  const bool students_choose = students.size() > teachers.size();
  std::vector<Bin> bins;
  std::map<std::int64_t, std::vector<Item>, std::greater<>> items;  // by weight, the heaviest first
  for (std::size_t t : InOrder(teachers)) {
    const std::uint64_t hash = Hash(teachers[t].id);
    if (students_choose) {
      bins.push_back({hash, t, 0, teachers[t].weight, students.size()});
    } else {
      items[teachers[t].weight].push_back({hash, t});
    }
  }
  for (std::size_t s : InOrder(students)) {
    const std::uint64_t hash = Hash(students[s].id);
    if (students_choose) {
      items[1].push_back({hash, s});
    } else {
      const int most = students[s].max_teachers;
      bins.push_back({hash, s, 0, 1, most > 0 ? static_cast<std::size_t>(most) : teachers.size()});
    }
  }
  for (auto& [weight, same] : items) {
    Dealer dealer(std::move(same), weight, bins, !students_choose, [&](const Item& item, const Bin& bin) {
      if (students_choose) {
        result[item.index].push_back(bin.index);
      } else {
        result[bin.index].push_back(item.index);
      }
    });
    dealer.Deal();
  }
  return result;
}

}  // namespace edl
