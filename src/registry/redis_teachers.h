// SPDX-License-Identifier: Apache-2.0
// RedisTeachers' options, read back from a watcher, for who changes some of them.
#pragma once

#include "edl/teachers.h"

namespace edl {

// What RedisTeachers was given when it made `watcher`; null when another made it. Lives as long as the watcher.
const RedisTeachersOptions* RedisOptionsOf(const TeacherWatcher& watcher);

}  // namespace edl
