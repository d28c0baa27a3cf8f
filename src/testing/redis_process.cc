// SPDX-License-Identifier: Apache-2.0
#include "edl/testing/redis_process.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edl/testing/teacher_process.h"
#include "src/base/status.h"
#include "src/testing/free_port.h"

namespace edl::testing {
namespace {

class RedisProcessImpl final : public RedisProcess {
 public:
  RedisProcessImpl(std::vector<std::string> settings, RedisKind kind, std::string folder)
      : settings_(std::move(settings)), kind_(kind), folder_(std::move(folder)) {}
  ~RedisProcessImpl() override {
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // Another process may take a port between the look and the start.
  absl::Status StartOnAnyPort() {
    absl::Status status;
    for (int attempt = 0; attempt < 10; ++attempt) {
      port_ = FreePort();
      url_ = absl::StrCat("redis://127.0.0.1:", port_);
      status = Restart();
      if (status.ok()) break;
    }
    return status;
  }

  const std::string& url() const override { return url_; }
  int port() const override { return port_; }
  void Kill() override { process_->Kill(); }
  void Pause() override { process_->Pause(); }
  void Resume() override { process_->Resume(); }
  absl::Status Restart() override;
  absl::Status RestartEmpty() override {
    process_.reset();
    std::filesystem::remove(folder_ + "/dump.rdb");
    return Restart();
  }

 private:
  void WriteConfig(const std::string& file, const std::string& socket) const;

  const std::vector<std::string> settings_;
  const RedisKind kind_;
  const std::string folder_;
  int port_ = 0;
  std::string url_;
  std::unique_ptr<TeacherProcess> process_;
};

void RedisProcessImpl::WriteConfig(const std::string& file, const std::string& socket) const {
  std::ofstream out(file);
  out << "port " << port_ << "\nbind 127.0.0.1\nunixsocket " << socket << "\ndir " << folder_ << "\nlogfile " << folder_
      << "/log\nsave \"\"\n";
  for (const std::string& line : settings_) out << line << "\n";
}

absl::Status RedisProcessImpl::Restart() {
  process_.reset();
  const std::string socket = folder_ + "/socket";
  const std::string config = absl::StrCat(folder_, "/", port_, ".conf");
  // A sentinel keeps what it knows in its own.
  if (kind_ == RedisKind::kServer || !std::filesystem::exists(config)) WriteConfig(config, socket);
  std::filesystem::remove(socket);
  const std::string program = kind_ == RedisKind::kServer ? "redis-server" : "redis-sentinel";
  // The line that TeacherProcess waits for. The socket is asked, since another's server might have the port.
  const std::string script =
      absl::StrCat("(i=0; while [ $i -lt 200 ]; do redis-cli -s ", socket,
                   " ping >/dev/null 2>&1 && echo serving redis at 127.0.0.1:", port_,
                   " && exit; i=$((i+1)); sleep 0.02; done) & exec ", program, " ", config, " >/dev/null");
  absl::StatusOr<std::unique_ptr<TeacherProcess>> process = TeacherProcess::Start({"/bin/sh", "-c", script});
  if (!process.ok()) {
    return absl::UnavailableError(
        absl::StrCat(program, " does not start (is the Debian package installed?): ", process.status().message()));
  }
  process_ = *std::move(process);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisProcess>> RedisProcess::Start(std::vector<std::string> settings, RedisKind kind) {
  std::string folder = (std::filesystem::temp_directory_path() / "edl-redis-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot make a folder like ", folder, ": ", std::strerror(errno)));
  }
  auto process = std::make_unique<RedisProcessImpl>(std::move(settings), kind, std::move(folder));
  EDL_RETURN_IF_ERROR(process->StartOnAnyPort());
  return std::unique_ptr<RedisProcess>(std::move(process));
}

}  // namespace edl::testing
