// SPDX-License-Identifier: Apache-2.0
// Environment: what EDL_… variables change of a reader's configuration; they win over the program.
//   EDL_TEACHERS      host:port,…   these teachers, whatever the program says
//   EDL_REDIS         redis://…     where RedisTeachers looks; the program's other options of it stay
//   EDL_SERVICE       name          whom it looks for. Both: RedisTeachers, whatever teachers the program says
//   EDL_MAX_TEACHERS  n             ReaderOptions::max_teachers
//   EDL_TRACE         file          ReaderOptions::trace_file
//   EDL_TLS_CA        file          ReaderOptions::tls, ca_file; TLS is on with any of these
//   EDL_TLS_CERT      file          … cert_file
//   EDL_TLS_KEY       file          … key_file
//   EDL_TLS_SERVER_NAME  name       … server_name
//   EDL_TOKEN_FILE    file          ReaderOptions::token_file
// EDL_TEACHERS wins over the registry. EDL_REDIS or EDL_SERVICE alone changes nothing for other teachers than
// RedisTeachers: shells export them for edl-teacher, too.
// Errors: INVALID_ARGUMENT - a value that makes no sense; one of EDL_REDIS and EDL_SERVICE without the other when the
//         program gives no teachers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "edl/options.h"
#include "edl/teachers.h"

namespace edl {

// The value of a variable, if it is set and not empty.
using GetVariable = std::function<std::optional<std::string>(const char* name)>;
GetVariable ProcessEnvironment();

absl::Status ApplyEnvironment(const GetVariable& get, ReaderOptions& options,
                              std::unique_ptr<TeacherWatcher>& teachers);

}  // namespace edl
