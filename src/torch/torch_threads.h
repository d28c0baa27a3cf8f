// SPDX-License-Identifier: Apache-2.0
// Torch threads: how many of this process's threads compute one call of a model.
#pragma once

namespace edl {

// `threads` of them, or 0: one a core, shared out among `instances` models that compute at a time. Gives how many it
// became. libtorch has one such number for the whole process: call it before anything is computed.
int SetTorchThreads(int threads, int instances);

}  // namespace edl
