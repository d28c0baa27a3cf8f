// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/image_loader.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "examples/resnet50_vd/bad_image_report.h"
#include "examples/resnet50_vd/epoch_decoder.h"

namespace resnet {
namespace {

constexpr std::int64_t kChannels = 3;

void SayOnStandardError(const std::string& line) {
  std::fprintf(stderr, "images: %s\n", line.c_str());
}

edl::Shape ImagesShape(std::int64_t rows, const ViewOptions& views) {
  if (views.layout == Layout::kNhwc) return {rows, views.side, views.side, kChannels};
  return {rows, kChannels, views.side, views.side};
}

absl::StatusOr<edl::Tensor> ImagesOf(const DecodedBatch& batch, const ViewOptions& views) {
  const edl::Shape shape = ImagesShape(static_cast<std::int64_t>(batch.index.size()), views);
  const absl::StatusOr<std::int64_t> bytes = edl::ElementCount(shape);
  if (!bytes.ok()) return bytes.status();
  return edl::Tensor::Wrap(edl::DType::kUint8, shape, batch.images.get(), static_cast<std::size_t>(*bytes),
                           batch.images);
}

absl::StatusOr<edl::Fields> ToFields(DecodedBatch batch, const LoaderSetup& setup) {
  const auto rows = static_cast<std::int64_t>(batch.index.size());
  std::vector<std::int64_t> labels;
  for (const std::int64_t index : batch.index) {
    labels.push_back(setup.list.images[static_cast<std::size_t>(index)].label);
  }
  std::vector<absl::StatusOr<edl::Tensor>> tensors;
  tensors.push_back(ImagesOf(batch, setup.options.views));
  tensors.push_back(edl::Tensor::FromVector({rows}, labels));
  tensors.push_back(edl::Tensor::FromVector({rows}, std::move(batch.index)));
  if (batch.mix) {
    std::vector<std::int64_t> others;
    for (const std::int64_t row : batch.mix->partner) others.push_back(labels[static_cast<std::size_t>(row)]);
    tensors.push_back(edl::Tensor::FromVector({rows}, std::move(others)));
    tensors.push_back(edl::Tensor::FromVector({rows}, std::vector<float>(labels.size(), batch.mix->weight())));
  }
  edl::Fields fields;
  for (absl::StatusOr<edl::Tensor>& tensor : tensors) {
    if (!tensor.ok()) return tensor.status();
    fields.push_back(*std::move(tensor));
  }
  return fields;
}

// What the caller left open.
void SetDefaults(LoaderOptions& options) {
  if (!options.report) options.report = SayOnStandardError;
  if (options.threads == 0) options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (options.allocate) return;
  const auto side = static_cast<std::size_t>(options.views.side);
  const auto memory =
      std::make_shared<BatchMemory>(static_cast<std::size_t>(options.batch_rows) * side * side * kChannels);
  options.allocate = [memory](std::size_t) { return memory->Take(); };  // a short batch takes a whole piece
}

}  // namespace

class ImageLoader::Shared : public std::enable_shared_from_this<Shared> {
 public:
  explicit Shared(LoaderSetup setup)
      : setup_(std::make_shared<const LoaderSetup>(std::move(setup))), report_(setup_->options.report) {}

  // This trainer's share of an epoch.
  std::vector<std::int64_t> ShareOfEpoch(std::int64_t epoch) const {
    const LoaderOptions& options = setup_->options;
    const auto count = static_cast<std::int64_t>(setup_->list.images.size());
    return ShareOf(options.order == Order::kAsListed
                       ? ListOrder(count)
                       : ShuffledOrder(count, options.seed, static_cast<std::uint64_t>(epoch)),
                   options.rank, options.world_size, options.remainder);
  }

  std::int64_t batches_per_epoch() const {
    const LoaderOptions& options = setup_->options;
    const auto count = static_cast<std::int64_t>(setup_->list.images.size());
    return BatchesIn(ShareSize(count, options.world_size, options.remainder), options.batch_rows, options.remainder);
  }

  edl::Generator<edl::Fields> Epoch(std::int64_t epoch, std::int64_t first_batch) {
    auto decoder =
        std::make_shared<EpochDecoder>(setup_, ShareOfEpoch(epoch), static_cast<std::uint64_t>(epoch), first_batch);
    return [self = shared_from_this(), decoder, epoch] { return self->Next(*decoder, epoch); };
  }

  const LoaderSetup& setup() const { return *setup_; }
  const BadImageReport& report() const { return report_; }

 private:
  absl::StatusOr<std::optional<edl::Fields>> Next(EpochDecoder& decoder, std::int64_t epoch) {
    absl::StatusOr<std::optional<DecodedBatch>> batch = decoder.Next();
    if (!batch.ok()) return batch.status();
    if (!batch->has_value()) {
      report_.EndEpoch(epoch);
      return std::optional<edl::Fields>();
    }
    report_.Count(**batch);
    absl::StatusOr<edl::Fields> fields = ToFields(**std::move(batch), *setup_);
    if (!fields.ok()) return fields.status();
    return std::optional<edl::Fields>(*std::move(fields));
  }

  const std::shared_ptr<const LoaderSetup> setup_;
  BadImageReport report_;
};

absl::StatusOr<std::unique_ptr<ImageLoader>> ImageLoader::Create(ImageList list, LoaderOptions options) {
  const absl::Status valid = options.Validate();
  if (!valid.ok()) return valid;
  SetDefaults(options);
  const std::size_t images = list.images.size();
  auto shared = std::make_shared<Shared>(LoaderSetup{std::move(list), std::move(options)});
  if (shared->batches_per_epoch() > 0 && images > 0) {
    return std::unique_ptr<ImageLoader>(new ImageLoader(std::move(shared)));
  }
  const LoaderOptions& used = shared->setup().options;
  return absl::InvalidArgumentError(absl::StrCat("ImageLoader: ", images, " images, shared by ", used.world_size,
                                                 " trainers, fill no batch of ", used.batch_rows,
                                                 "; expected more images, or a smaller batch_rows"));
}

std::vector<std::string> ImageLoader::fields() const {
  std::vector<std::string> fields = {"image", "label", "index"};
  if (shared_->setup().options.mixup_alpha > 0) fields.insert(fields.end(), {"label_b", "mix"});
  return fields;
}

std::int64_t ImageLoader::batches_per_epoch() const {
  return shared_->batches_per_epoch();
}

edl::EpochFunction<edl::Fields> ImageLoader::Epochs(Position start) const {
  return [shared = shared_, start](std::int64_t epoch) -> edl::Generator<edl::Fields> {
    const std::int64_t first_batch = epoch == 0 ? start.batch : 0;
    if (start.epoch >= 0 && first_batch >= 0 && first_batch <= shared->batches_per_epoch()) {
      return shared->Epoch(start.epoch + epoch, first_batch);
    }
    const absl::Status error = absl::InvalidArgumentError(
        absl::StrCat("ImageLoader: starts at batch ", start.batch, " of epoch ", start.epoch, "; expected 0 to ",
                     shared->batches_per_epoch(),
                     ", and an epoch from 0 on: was this position saved with another list or batch_rows?"));
    return [error] { return absl::StatusOr<std::optional<edl::Fields>>(error); };
  };
}

LoaderStats ImageLoader::stats() const {
  return shared_->report().stats();
}

}  // namespace resnet
