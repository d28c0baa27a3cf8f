// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/bad_image_report.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace resnet {

void BadImageReport::Count(const DecodedBatch& batch) {
  std::vector<std::string> lines;
  {
    const std::lock_guard<std::mutex> lock(mu_);
    ++stats_.batches;
    stats_.rows += static_cast<std::int64_t>(batch.index.size());
    for (const BadImage& image : batch.bad) {
      ++stats_.bad_images;
      if (stats_.bad_images > kReportedBadImages) {
        ++unsaid_;
        continue;
      }
      stats_.first_bad_images.emplace_back(image.status.message());
      lines.push_back(absl::StrCat("another image stands in for image ", image.index, " of the list, ",
                                   image.status.message(),
                                   stats_.bad_images == kReportedBadImages ? " (more of them are only counted)" : ""));
    }
  }
  for (const std::string& line : lines) say_(line);
}

void BadImageReport::EndEpoch(std::int64_t epoch) {
  std::int64_t unsaid;
  {
    const std::lock_guard<std::mutex> lock(mu_);
    unsaid = std::exchange(unsaid_, 0);
  }
  if (unsaid > 0) say_(absl::StrCat("epoch ", epoch, ": others stood in for ", unsaid, " more bad images"));
}

LoaderStats BadImageReport::stats() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return stats_;
}

}  // namespace resnet
