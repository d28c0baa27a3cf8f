// SPDX-License-Identifier: Apache-2.0
#include "src/base/thread.h"

#include <pthread.h>

#include <utility>

#include "src/base/log.h"
#include "src/base/status.h"

namespace edl {

Thread::Thread(const std::string& name, std::function<void()> body)
    : thread_([name, body = std::move(body)] {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        absl::Status status = Guarded([&] {
          body();
          return absl::OkStatus();
        });
        if (!status.ok()) Log().error("thread {} ended by an exception: {}", name, status.ToString());
      }) {}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace edl
