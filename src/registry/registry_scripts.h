// SPDX-License-Identifier: Apache-2.0
// Registry scripts: what Redis does for the registry in one step each, as Lua (docs/registry.md says the schema).
// KEYS, for all: teachers, students, version, changes. ARGV begins, for all: prefix of the nodes' keys, channel.
// Each first sweeps: members whose lease has expired are taken out, and that counts as a change.
// Needs Redis 5: a script that reads the clock may only then write. Redis' own clock is the only one that counts.
#pragma once

#include <string>

namespace edl {

// + endpoint, id, born (0: not known yet), lease ms, state, model, weight, info
// → {1 listed | 0 another instance has the endpoint, born}
const std::string& RenewTeacherScript();

// + endpoint, id → 1 removed | 0 it was not listed, or is another instance's
const std::string& RemoveTeacherScript();

// + member, lease ms → version
const std::string& RenewStudentScript();

// + member → 1 removed | 0 it was not listed
const std::string& RemoveStudentScript();

// + since → {version, 1 all there is | 0 what changed since, {{member, 1 listed | 0 gone, state, weight}…}}
// `member` is "t" and an endpoint, or "s" and a student. The state of a teacher that took itself out is "left".
const std::string& ReadScript();

// + endpoints… → how many of them are nodes that nobody had listed and that are listed now
const std::string& ListForeignScript();

}  // namespace edl
