// SPDX-License-Identifier: Apache-2.0
// SecureTeacher: a teacher of rows behind TLS or tokens, and what a reader says of it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "src/teacher/server.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"

namespace edl::test {

inline absl::StatusOr<std::unique_ptr<TeacherServer>> TryServe(const ServerSecurityOptions& security,
                                                               const std::string& listen = "127.0.0.1:0") {
  TeacherServerOptions options;
  options.listen = {listen};
  options.security = security;
  return TeacherServer::Start(options, std::make_unique<FunctionModel>(RowModel(), ScoreRows));
}

inline std::unique_ptr<TeacherServer> Serve(const ServerSecurityOptions& security,
                                            const std::string& listen = "127.0.0.1:0") {
  auto server = TryServe(security, listen);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// A server of what TestCa::Issue gave. `client_ca`: of whom it wants a certificate; empty: of nobody.
inline ServerSecurityOptions ServerTls(const TlsOptions& issued, const std::string& client_ca = "") {
  ServerSecurityOptions security;
  security.cert_file = issued.cert_file;
  security.key_file = issued.key_file;
  security.client_ca_file = client_ca;
  return security;
}

struct ReadingResult {
  std::string error;  // Next()'s, "" after a whole epoch
  LaneStats lane;     // as it was then
};

// One epoch of a reader that has this one teacher.
inline ReadingResult ReadFrom(const std::string& endpoint, ReaderOptions options) {
  options.num_epochs = 1;
  options.no_teacher_timeout = std::chrono::seconds(20);
  auto reader = DistillReader::Create(BatchesOf(3, 4), FixedTeachers({endpoint}), options);
  if (!reader.ok()) return {reader.status().ToString(), {}};
  ReadingResult result;
  int batches = 0;
  for (auto& batch : (*reader)->Epoch()) {
    if (batch.ok()) {
      ++batches;
    } else {
      result.error = batch.status().ToString();
    }
  }
  EXPECT_EQ(batches == 3, result.error.empty()) << batches << " batches, " << result.error;
  const ReaderStats stats = (*reader)->Stats();
  if (!stats.lanes.empty()) result.lane = stats.lanes.front();
  return result;
}

}  // namespace edl::test
