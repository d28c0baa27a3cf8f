// SPDX-License-Identifier: Apache-2.0
// ReaderOptions: what a DistillReader is to do, and within which bounds.
// The environment wins over max_teachers (EDL_MAX_TEACHERS) and trace_file (EDL_TRACE), over the files of tls
// (EDL_TLS_…) and token_file (EDL_TOKEN_FILE), and over the teachers given (EDL_TEACHERS).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "edl/shared_arena.h"
#include "edl/tls.h"

namespace edl {

// Memory. The reader holds at most
//     min(max_batches_ahead * bytes of a batch, max(max_bytes_ahead, bytes of the largest batch))
//   + bytes of a batch (the one that the source has just given and that waits to be let in)
// of the source's tensors, batches being what the source gives (for a source of samples: groups of teacher_batch_rows
// samples), from the moment that the source gives one until Next() returns it; and their soft labels, which come to
// rows * bytes of a row of all predictions. For a teacher that takes shared memory, also a copy of what is in flight to
// it: its window * bytes of a teacher request, which are used again and again; for one to which fields travel
// compressed, its window * their compressed bytes. While a trace is recorded, half of trace_max_bytes.
struct ReaderOptions {
  // --- Behaviour ---

  // Names of what a source batch carries, in its order. Those that the teacher's model takes as inputs, by name, are
  // sent; the rest only pass through. Required.
  std::vector<std::string> fields;

  // The teacher's outputs that become soft labels, in the order in which they are wanted. Required.
  std::vector<std::string> predictions;

  // The model to ask for, by name; empty: the only model of a server that has just one (edl-teacher).
  std::string model;

  // Distilled batches come out in the order of the source; false: as they complete. Epochs do not mix either way.
  bool ordered = true;

  // A reply whose soft labels hold NaN or infinity counts as wrong: its rows are asked of another teacher, and one that
  // goes on so is not used. Off by default, since a model may mean its infinities (masked logits). Of a top_k, the
  // tensors that come are looked at, not the scores that they were made of.
  bool check_finite = false;

  // How many epochs the source will be asked for; 0: as many as the student reads. With a number, the reader does not
  // read ahead beyond the last of them.
  std::int64_t num_epochs = 0;

  // How long Next() may wait while no teacher can be reached before it fails with UNAVAILABLE; 0: for ever. An outage
  // during which it always has a batch to return does not count.
  std::chrono::milliseconds no_teacher_timeout{0};

  // With it every teacher is spoken to by TLS, whatever its endpoint or the registry says; one that says grpc:// is
  // refused. Without it those at grpcs:// are, by the system's roots, and all others are spoken to plainly. The
  // environment's EDL_TLS_CA, EDL_TLS_CERT, EDL_TLS_KEY and EDL_TLS_SERVER_NAME set it, field by field.
  std::optional<TlsOptions> tls;

  // A file whose first token, a line of it, is shown to every teacher; read again when it changes. Empty: none is.
  // EDL_TOKEN_FILE.
  std::string token_file;

  // Show the token over TCP without TLS as well, where everybody on the way can read and use it. Else a teacher that is
  // spoken to so is refused. (Unix sockets are not TCP.)
  bool allow_token_over_plain_tcp = false;

  // Write what the reader does, moment by moment, to this file, for Perfetto or chrome://tracing (docs/trace.md). A
  // second reader with the same file takes another: trace.json, trace.2.json, … to 16; more are not traced. Empty: no
  // trace. EDL_TRACE.
  std::string trace_file;

  // The most that the trace's file grows to, in bytes; then it is not recorded any further. While it is recorded,
  // events that wait to be written take half as much memory at most (or 1 MiB). 4096 or more.
  std::size_t trace_max_bytes = std::size_t{64} << 20;

  // --- Performance ---

  // Rows of one teacher request, at most; the last request of a batch may be shorter. Raise it while teachers get
  // faster by it; messages of 1 to 32 MB travel best. 1 or more.
  std::int64_t teacher_batch_rows = 32;

  // Requests in flight to one teacher, at most. Each teacher gets the fewest that keep it busy: two, and as many more
  // as hide a long network or as it computes at a time; this is only the bound. 1 to 64.
  int window = 16;

  // Connections to one teacher; its window's requests are spread over them. One is worth about a core on either side:
  // raise it where a fast network is not filled and cores are idle. 1 to 16, and never more than the window.
  int channels = 1;

  // Teachers used at a time. 0: all. EDL_MAX_TEACHERS.
  int max_teachers = 0;

  // Source batches inside the reader, at most. 0: eight times what keeps all teachers' windows full, and 64 at least;
  // so many may be finished behind one that takes long, while the student waits for that. Up to 65536.
  std::int64_t max_batches_ahead = 0;

  // Bytes of source tensors inside the reader, at most; a larger batch passes alone.
  std::size_t max_bytes_ahead = std::size_t{1} << 30;

  // Bytes of one reply, at most, so that a teacher that means harm, or is broken, cannot fill the student's memory; a
  // larger one counts as nonsense. A reply is teacher_batch_rows * bytes of a row of all predictions, and some more.
  // 1 to 2^31 - 1.
  std::size_t max_reply_bytes = std::size_t{64} << 20;

  // Hand tensors over in shared memory to teachers on this machine that take that (edl-teacher on a loopback address or
  // Unix socket, or with --allow-shared-memory; Triton). They are then copied once, not through a socket.
  bool shared_memory = true;

  // The loader's batches lie there, or some of them: what does is not copied at all on its way to such a teacher.
  // Null: there is none.
  std::shared_ptr<SharedArena> arena;

  // FP32 fields that travel as FP16, BF16 or UINT8, and soft labels that come back in FP16, or only the highest of
  // them: by name, for networks that are slower than the teachers. Loses precision, within bounds (compression.h). By
  // default nothing is compressed; what lies in shared memory never is.
  Compression compression;

  // How long one attempt of a request may take before it goes to another teacher.
  std::chrono::milliseconds attempt_timeout{60'000};

  // Attempts of one request before its last error reaches Next(). 1 or more. Waiting for a teacher is no attempt, nor
  // is being told that it is overloaded (RESOURCE_EXHAUSTED).
  int max_attempts = 16;

  // Requests that may be sent a second time, as a share of all, because they take longer than others lately did: to a
  // teacher that has nothing to do, and the first answer counts. Slow or hung teachers then hold up nobody, at the cost
  // of so much more work at most. 0 (off) to 1.
  double hedge_budget = 0.1;

  // Retries, as a share of the requests that are answered, so that a fleet that fails is not stormed. Beyond it, beyond
  // what one teacher loses when it dies, and beyond 10 a second, retries wait; none is lost. 0 to 1.
  double retry_budget = 0.2;

  // For a source of samples: teachers get groups of teacher_batch_rows of them. When a sample comes and the first of
  // its group is older than this while a teacher has nothing to do, the group is sent as it is.
  std::chrono::milliseconds max_group_age{5};

  // How often the log says, at level info, what the bottleneck was since the last time (ReaderStats::Advice). 0: never.
  std::chrono::seconds stats_log_interval{0};

  // INVALID_ARGUMENT naming field, value and range.
  absl::Status Validate() const;

  // One "name = value" a line.
  std::string ToString() const;
};

}  // namespace edl
