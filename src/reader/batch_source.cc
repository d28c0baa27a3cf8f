// SPDX-License-Identifier: Apache-2.0
#include "edl/batch_source.h"

namespace edl {
namespace {

SampleList ToSampleList(Fields item) {
  SampleList list;
  list.push_back(std::move(item));
  return list;
}

SampleList ToSampleList(SampleList item) {
  return item;
}

template <typename Item>
class FunctionSource final : public BatchSource {
 public:
  FunctionSource(SourceForm form, EpochFunction<Item> epochs, SourceOptions options)
      : form_(form), options_(options), epochs_(std::move(epochs)) {}

  SourceForm form() const override { return form_; }
  bool read_ahead() const override { return options_.read_ahead; }

  absl::Status StartEpoch(std::int64_t epoch) override {
    next_ = nullptr;  // the old generator goes before the new one comes: a loader may have just one iterator
    next_ = epochs_(epoch);
    return next_ ? absl::OkStatus() : absl::InvalidArgumentError("the epoch's generator is empty");
  }

  absl::StatusOr<std::optional<SampleList>> Next() override {
    absl::StatusOr<std::optional<Item>> item = next_();
    if (!item.ok()) return item.status();
    if (!item->has_value()) return std::optional<SampleList>();
    return std::optional<SampleList>(ToSampleList(**std::move(item)));
  }

 private:
  const SourceForm form_;
  const SourceOptions options_;
  const EpochFunction<Item> epochs_;
  Generator<Item> next_;
};

}  // namespace

std::unique_ptr<BatchSource> FromBatches(EpochFunction<Fields> epochs, SourceOptions options) {
  return std::make_unique<FunctionSource<Fields>>(SourceForm::kBatches, std::move(epochs), options);
}

std::unique_ptr<BatchSource> FromSamples(EpochFunction<Fields> epochs, SourceOptions options) {
  return std::make_unique<FunctionSource<Fields>>(SourceForm::kSamples, std::move(epochs), options);
}

std::unique_ptr<BatchSource> FromSampleLists(EpochFunction<SampleList> epochs, SourceOptions options) {
  return std::make_unique<FunctionSource<SampleList>>(SourceForm::kSampleLists, std::move(epochs), options);
}

}  // namespace edl
