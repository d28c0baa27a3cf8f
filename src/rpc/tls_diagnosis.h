// SPDX-License-Identifier: Apache-2.0
// TlsDiagnosis: why client and server do not come together although the server accepts connections.
// Place: after a connection of gRPC's failed behind TCP. gRPC's own words are then "certificate verify failed",
//        whatever is wrong with it, or "Socket closed"; this does the same on a socket of its own and looks closer.
// Errors: UNAUTHENTICATED - found: says what, and what would help. Else the status that it was given: nothing to add,
//         or the fault is gone by now.
// Thread-safety: any thread. Blocks for a second at most, or until the interrupt.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "src/base/interrupt.h"
#include "src/rpc/client_security.h"

namespace edl {

// Is `status` of a call to be looked into? True when TCP was not the trouble, and gRPC says which address it was.
bool IsWorthDiagnosing(const absl::Status& status, const std::string& endpoint);

absl::Status DiagnoseTls(const absl::Status& status, const std::string& endpoint, const ClientSecurity& security,
                         const Interrupt& interrupt);

}  // namespace edl
