// SPDX-License-Identifier: Apache-2.0
// TraceSpan: notes down what its scope does, from here to the scope's end; with no recorder, nothing.
#pragma once

#include "src/trace/trace_recorder.h"

namespace edl {

class TraceSpan {
 public:
  // `recorder` may be null, and outlives it.
  TraceSpan(TraceRecorder* recorder, TraceEvent::Kind kind, TraceItem item)
      : recorder_(recorder), kind_(kind), item_(item) {
    if (recorder_ != nullptr) from_ = std::chrono::steady_clock::now();
  }
  ~TraceSpan() {
    if (recorder_ != nullptr) End();
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  void End() {
    TraceEvent event;
    event.kind = kind_;
    event.from = from_;
    event.to = std::chrono::steady_clock::now();
    event.item = item_;
    recorder_->Record(event);
  }

  TraceRecorder* const recorder_;
  const TraceEvent::Kind kind_;
  const TraceItem item_;
  TimePoint from_;
};

}  // namespace edl
