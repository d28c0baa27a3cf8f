// SPDX-License-Identifier: Apache-2.0
#include "bench/timed_fleet.h"

#include <optional>
#include <random>
#include <utility>

#include "edl/model.h"
#include "src/base/mutex.h"

namespace edl::bench {

// Asked by one thread at a time: its server has one instance.
class TimedFleet::TimedModel final : public Model {
 public:
  TimedModel(TeacherTimes times, Clock::duration mean, std::uint64_t seed)
      : times_(times), mean_(mean), random_(seed) {}

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override {
    const Clock::time_point start = Clock::now();
    {
      MutexLock lock(mu_);
      start_ = start;
    }
    SleepUntil(start + Draw());
    MutexLock lock(mu_);
    start_.reset();
    work_.taken += Clock::now() - start;
    ++work_.requests;
    return inputs;
  }

  FleetWork work() const {
    MutexLock lock(mu_);
    FleetWork work = work_;
    if (start_) work.taken += Clock::now() - *start_;
    return work;
  }

 private:
  Clock::duration Draw() {
    if (times_ == TeacherTimes::kConstant) return mean_;
    return FromSeconds(Seconds(mean_) * factor_(random_));
  }

  const ModelInfo info_{"timed", "1", "bench", {{"x", DType::kInt64, {-1, 1}}}, {{"y", DType::kInt64, {-1, 1}}}};
  const TeacherTimes times_;
  const Clock::duration mean_;
  std::mt19937_64 random_;
  std::lognormal_distribution<double> factor_{-0.5, 1};  // of mean 1: exp(m + sigma^2 / 2)

  mutable Mutex mu_;
  FleetWork work_ ABSL_GUARDED_BY(mu_);                          // of what is done
  std::optional<Clock::time_point> start_ ABSL_GUARDED_BY(mu_);  // of what is being computed
};

TimedFleet::TimedFleet(int teachers, TeacherTimes times, Clock::duration mean, std::uint64_t seed) {
  for (int t = 0; t < teachers; ++t) {
    auto model = std::make_unique<TimedModel>(times, mean, 1000 * seed + static_cast<unsigned>(t));
    models_.push_back(model.get());
    servers_.push_back(TeacherServer::Start({}, std::move(model)).value());
  }
}

std::vector<std::string> TimedFleet::endpoints() const {
  std::vector<std::string> endpoints;
  for (const auto& server : servers_) endpoints.push_back(server->endpoint());
  return endpoints;
}

FleetWork TimedFleet::work() const {
  FleetWork all;
  for (const TimedModel* model : models_) {
    const FleetWork one = model->work();
    all.requests += one.requests;
    all.taken += one.taken;
  }
  return all;
}

}  // namespace edl::bench
