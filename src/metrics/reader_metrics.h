// SPDX-License-Identifier: Apache-2.0
// Reader metrics: a snapshot of a reader as metrics, edl_reader_…; docs/metrics.md lists them.
#pragma once

#include "edl/stats.h"
#include "src/metrics/metric_page.h"

namespace edl {

MetricPage ReaderMetrics(const ReaderStats& stats);

}  // namespace edl
