// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edl/teachers.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"

namespace edl {
namespace {

class FixedTeacherWatcher final : public TeacherWatcher {
 public:
  explicit FixedTeacherWatcher(std::vector<std::string> endpoints) : set_{std::move(endpoints)} {}

  absl::Status Start(std::function<void(const TeacherSet&)> on_change) override {
    if (set_.endpoints.empty()) return absl::InvalidArgumentError("no teacher endpoints were given");
    std::set<std::string> seen;
    for (const std::string& endpoint : set_.endpoints) {
      EDL_RETURN_IF_ERROR(CheckEndpoint(endpoint));
      if (!seen.insert(endpoint).second) {
        return absl::InvalidArgumentError(absl::StrCat("teacher endpoint '", endpoint, "' is given twice"));
      }
    }
    on_change(set_);
    return absl::OkStatus();
  }

  std::string ToString() const override { return absl::StrJoin(set_.endpoints, ","); }

 private:
  const TeacherSet set_;
};

}  // namespace

std::unique_ptr<TeacherWatcher> FixedTeachers(std::vector<std::string> endpoints) {
  return std::make_unique<FixedTeacherWatcher>(std::move(endpoints));
}

}  // namespace edl
