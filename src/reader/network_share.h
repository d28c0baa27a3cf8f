// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "edl/stats.h"

namespace edl {

// Parts what the student waited for teachers into the teachers' and the network's, as far as the lanes' replies tell.
// The network has the share of the lanes' busy time in which their teachers computed none of our requests, but no more
// than its share of the requests' latency: a teacher that others keep busy has ours in its queue, and that is not the
// network's.
void PartNetwork(ReaderStats& stats);

}  // namespace edl
