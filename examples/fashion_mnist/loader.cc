// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/loader.h"

#include <utility>

#include "edl/torch/tensor.h"

namespace fashion_mnist {

std::int64_t BatchesPerEpoch(const Dataset& dataset, const Schedule& schedule) {
  return dataset.size() / schedule.batch_rows;
}

edl::EpochFunction<edl::Fields> MakeLoader(Dataset dataset, const Schedule& schedule, const Augmentation& augmentation,
                                           std::uint64_t seed) {
  return [=](std::int64_t epoch) -> edl::Generator<edl::Fields> {
    const auto epoch_key = static_cast<std::uint64_t>(epoch);
    return [=, order = EpochOrder(dataset.size(), seed, epoch_key),
            batch = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<edl::Fields>> {
      if (batch == BatchesPerEpoch(dataset, schedule)) return std::optional<edl::Fields>();
      const auto first = order.begin() + batch++ * schedule.batch_rows;
      const std::vector<std::int64_t> indices(first, first + schedule.batch_rows);
      const torch::Tensor index = torch::tensor(indices, torch::kInt64);
      edl::Fields fields;
      for (const torch::Tensor& field : {MakeViews(dataset.images, indices, seed, epoch_key, augmentation),
                                         dataset.labels.index_select(0, index), index}) {
        absl::StatusOr<edl::Tensor> tensor = edl::FromTorch(field);
        if (!tensor.ok()) return tensor.status();
        fields.push_back(*std::move(tensor));
      }
      return std::optional<edl::Fields>(std::move(fields));
    };
  };
}

}  // namespace fashion_mnist
