// SPDX-License-Identifier: Apache-2.0
// ToldTeachers: a TeacherWatcher's set that a test tells, again and again.
// Thread-safety: any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edl/teachers.h"
#include "src/base/mutex.h"

namespace edl::test {

class ToldTeachers {
 public:
  void Tell(std::vector<std::string> endpoints) { state_->Tell({std::move(endpoints)}); }

  // For one reader, that may outlive this object.
  std::unique_ptr<TeacherWatcher> Watcher() { return std::make_unique<Told>(state_); }

 private:
  using Listener = std::function<void(const TeacherSet&)>;

  class State {
   public:
    void Tell(TeacherSet set) {
      MutexLock lock(mu_);  // on_change is told under it, so that none is running when the watcher is gone
      set_ = std::move(set);
      if (listener_) listener_(set_);
    }
    void Listen(Listener listener) {
      MutexLock lock(mu_);
      listener_ = std::move(listener);
      if (listener_) listener_(set_);
    }

   private:
    Mutex mu_;
    TeacherSet set_ ABSL_GUARDED_BY(mu_);
    Listener listener_ ABSL_GUARDED_BY(mu_);
  };

  class Told final : public TeacherWatcher {
   public:
    explicit Told(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~Told() override { state_->Listen(nullptr); }
    absl::Status Start(Listener on_change) override {
      state_->Listen(std::move(on_change));
      return absl::OkStatus();
    }

   private:
    const std::shared_ptr<State> state_;
  };

  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace edl::test
