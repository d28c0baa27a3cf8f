// SPDX-License-Identifier: Apache-2.0
// Registry scripts: what Redis does for the registry in one step each, as Lua (docs/registry.md says the schema).
// KEYS, for all: teachers, students, version, changes, facts. ARGV begins, for all: prefix of the nodes' keys, channel.
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

// + since → {version, {{member, 1 listed | 0 gone, fact}…}}: what changed since;
//        or {version, teachers, {endpoint, fact…}, students}: everything, since it is 0 or too long ago
// `member` is "t" and an endpoint, or "s" and a student; `fact` a teacher's "state weight", "" for "serving 1", "left "
// when it took itself out.
const std::string& ReadScript();

// + endpoints… → how many of them are nodes that nobody had listed and that are listed now
const std::string& ListForeignScript();

}  // namespace edl
