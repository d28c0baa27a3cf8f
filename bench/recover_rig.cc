// SPDX-License-Identifier: Apache-2.0
#include "bench/recover_rig.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "edl/model.h"

namespace edl::bench {
namespace {

class PlaceModel final : public Model {
 public:
  explicit PlaceModel(std::function<void(std::int64_t)> on_request) : on_request_(std::move(on_request)) {}

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override {
    if (on_request_) on_request_(*inputs[0].data_as<std::int64_t>());
    std::this_thread::sleep_for(kCompute);
    return inputs;
  }

 private:
  const ModelInfo info_{"place", "1", "bench", {{"x", DType::kInt64, {-1, 1}}}, {{"score", DType::kInt64, {-1, 1}}}};
  const std::function<void(std::int64_t)> on_request_;
};

// What a measurement cannot go on without.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "bench_recover: %s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

std::unique_ptr<BatchSource> PacedSource() {
  return FromBatches([](std::int64_t) -> Generator<Fields> {
    return [place = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      std::this_thread::sleep_for(kPace);
      absl::StatusOr<Tensor> x = Tensor::FromVector<std::int64_t>({1, 1}, {place++});
      if (!x.ok()) return x.status();
      return std::optional<Fields>(Fields{*std::move(x)});
    };
  });
}

}  // namespace

std::unique_ptr<TeacherServer> Serve(const std::string& listen, std::function<void(std::int64_t)> on_request) {
  TeacherServerOptions options;
  options.listen = {listen};
  options.instances = 4;  // so that what is sent is computed at once
  return Must(TeacherServer::Start(options, std::make_unique<PlaceModel>(std::move(on_request))));
}

void Arrivals::Note(std::int64_t batch) {
  const auto at = static_cast<std::size_t>(batch);
  const Clock::time_point now = Clock::now();
  MutexLock lock(mu_);
  if (times_.size() <= at) times_.resize(at + 1);
  if (times_[at] == Clock::time_point()) times_[at] = now;
}

std::optional<Clock::time_point> Arrivals::Of(std::int64_t batch) const {
  const auto at = static_cast<std::size_t>(batch);
  MutexLock lock(mu_);
  if (at >= times_.size() || times_[at] == Clock::time_point()) return std::nullopt;
  return times_[at];
}

std::int64_t Arrivals::size() const {
  MutexLock lock(mu_);
  return static_cast<std::int64_t>(times_.size());
}

RecoverRig::RecoverRig(const std::function<std::unique_ptr<TeacherWatcher>(const std::vector<std::string>&)>& watch,
                       std::chrono::milliseconds attempt_timeout) {
  std::vector<std::string> endpoints;
  for (int t = 0; t < 2; ++t) {
    stay_.push_back(Serve("127.0.0.1:0", [this](std::int64_t batch) { arrivals_.Note(batch); }));
    endpoints.push_back(stay_.back()->endpoint());
  }
  ReaderOptions options;
  options.fields = {"x"};
  options.predictions = {"score"};
  options.window = 4;
  options.attempt_timeout = attempt_timeout;
  options.max_attempts = 1000;
  reader_ = Must(DistillReader::Create(PacedSource(), watch(endpoints), options));
  student_ = Thread("bench-student", [this] { Read(); });
}

RecoverRig::~RecoverRig() {
  reader_->Shutdown();
  student_.Join();
  reader_.reset();
}

void RecoverRig::Read() {
  while (true) {
    const Clock::time_point asked = Clock::now();
    absl::StatusOr<std::optional<DistilledBatch>> batch = reader_->Next();
    if (batch.status().code() == absl::StatusCode::kCancelled) return;
    delivered_ = Must(std::move(batch)).value().batch_seq + 1;
    MutexLock lock(mu_);
    longest_gap_ = std::max(longest_gap_, Clock::now() - asked);
  }
}

LaneStats RecoverRig::lane(const std::string& endpoint) const {
  for (LaneStats& lane : reader_->Stats().lanes) {
    if (lane.endpoint == endpoint) return lane;
  }
  return {};
}

void RecoverRig::Await(const std::function<bool()>& condition) const {
  const Clock::time_point deadline = Clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (Clock::now() > deadline)
      Must<int>(absl::DeadlineExceededError("it never came\n" + reader_->Stats().ToString()));
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

void RecoverRig::AwaitBusy(const std::string& endpoint) const {
  const std::int64_t completed = lane(endpoint).completed;
  Await([&] {
    const LaneStats now = lane(endpoint);
    return now.state == "ready" && now.completed > completed + 5 && now.in_flight > 0;
  });
}

std::vector<std::int64_t> RecoverRig::AtTheVictim() const {
  std::vector<std::int64_t> batches;
  const std::int64_t end = arrivals_.size();
  for (std::int64_t batch = delivered(); batch < end; ++batch) {
    if (!arrivals_.Of(batch)) batches.push_back(batch);
  }
  return batches;
}

std::optional<Clock::time_point> RecoverRig::AwaitElsewhere(const std::vector<std::int64_t>& batches) const {
  std::optional<Clock::time_point> last;
  for (std::int64_t batch : batches) {
    Await([&] { return delivered() > batch; });
    last = std::max(last, arrivals_.Of(batch));  // nothing is less than any time
  }
  return last;
}

Clock::duration RecoverRig::TakeLongestGap() {
  MutexLock lock(mu_);
  return std::exchange(longest_gap_, Clock::duration(0));
}

}  // namespace edl::bench
