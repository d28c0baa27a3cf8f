// SPDX-License-Identifier: Apache-2.0
// FromDataLoader: a torch::data loader as a reader's source.
// Shapes, form: a collated batch (torch::data::Example<>, TensorExample, or a vector of tensors) is a batch, its fields
//               being data, target; a vector of examples, as a data set without Stack gives, is a list of samples.
// Errors: what the data set throws reaches Next(), as with every source.
// Thread-safety: the reader's source thread alone uses the loader from here on.
// Cost: tensors are shared, not copied. An epoch that is left early is read to its end before the next one begins when
//       the loader has workers: torch's loaders cannot be interrupted.
#pragma once

#include <torch/data.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "edl/batch_source.h"
#include "edl/torch/tensor.h"

namespace edl {
namespace internal {

inline absl::StatusOr<Fields> ToFields(const std::vector<torch::Tensor>& tensors) {
  Fields fields;
  for (const torch::Tensor& tensor : tensors) {
    absl::StatusOr<Tensor> field = FromTorch(tensor);
    if (!field.ok()) return field.status();
    fields.push_back(*std::move(field));
  }
  return fields;
}
inline absl::StatusOr<Fields> ToFields(const torch::data::Example<>& example) {
  return ToFields(std::vector<torch::Tensor>{example.data, example.target});
}
inline absl::StatusOr<Fields> ToFields(const torch::data::TensorExample& example) {
  return ToFields(std::vector<torch::Tensor>{example.data});
}
template <typename Example>
absl::StatusOr<SampleList> ToFields(const std::vector<Example>& examples) {
  SampleList samples;
  for (const Example& example : examples) {
    absl::StatusOr<Fields> sample = ToFields(example);
    if (!sample.ok()) return sample.status();
    samples.push_back(*std::move(sample));
  }
  return samples;
}

// Fields or SampleList, whichever a batch of that loader becomes.
template <typename Loader>
using LoaderItem =
    typename decltype(ToFields(std::declval<const typename Loader::element_type::BatchType&>()))::value_type;

template <typename Loader, typename Item = LoaderItem<Loader>>
EpochFunction<Item> EpochsOfLoader(Loader loader) {
  using Iterator = decltype(loader->begin());
  auto position = std::make_shared<std::optional<Iterator>>();  // in the epoch that was begun last
  return [loader = std::move(loader), position](std::int64_t) -> Generator<Item> {
    const bool in_flight = position->has_value() && loader->options().workers > 0;
    while (in_flight && **position != loader->end()) ++**position;
    position->emplace(loader->begin());
    return [loader, position, begun = false]() mutable -> absl::StatusOr<std::optional<Item>> {
      Iterator& it = **position;
      if (begun) ++it;  // loads the next batch, which may throw: not before the last one was given
      begun = true;
      if (it == loader->end()) return std::optional<Item>();
      absl::StatusOr<Item> item = ToFields(*it);
      if (!item.ok()) return item.status();
      return std::optional<Item>(*std::move(item));
    };
  };
}

inline std::unique_ptr<BatchSource> SourceOf(EpochFunction<Fields> epochs, SourceOptions options) {
  return FromBatches(std::move(epochs), options);
}
inline std::unique_ptr<BatchSource> SourceOf(EpochFunction<SampleList> epochs, SourceOptions options) {
  return FromSampleLists(std::move(epochs), options);
}

}  // namespace internal

// Takes over what torch::data::make_data_loader gives.
template <typename Loader>
std::unique_ptr<BatchSource> FromDataLoader(std::unique_ptr<Loader> loader, SourceOptions options = {}) {
  return internal::SourceOf(internal::EpochsOfLoader(std::shared_ptr<Loader>(std::move(loader))), options);
}

}  // namespace edl
