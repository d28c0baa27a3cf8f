// SPDX-License-Identifier: Apache-2.0
// Allocator: how this process' heap treats memory that was freed.
// Place: for a program's main, never for a library: it changes the whole process.
#pragma once

namespace edl {

// From now on freed memory is kept and used again, however large it was. glibc's default gives a large buffer back to
// the kernel at each free and has its pages faulted in again, zeroed, at the next malloc, some 1200 faults for a
// request of 4.8 MB, which costs more than all that is done with the bytes.
void KeepFreedMemory();

}  // namespace edl
