// SPDX-License-Identifier: Apache-2.0
// The list of a data set's images. Input: the text of the file.
#include "examples/resnet50_vd/image_list.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using edl::Require;
  const std::string text = edl::FuzzInput(data, size).Rest();
  const absl::StatusOr<resnet::ImageList> list = resnet::ParseListFile(text, "list", "/data");
  if (!list.ok()) {
    Require(absl::IsInvalidArgument(list.status()), "no list is an INVALID_ARGUMENT");
    Require(absl::StartsWith(list.status().message(), "list:"), "an error says where");
    Require(list.status().message().size() < 1000, "an error is no longer than a reader's patience");
    return 0;
  }
  Require(!list->images.empty(), "a list holds images");
  std::int64_t largest = -1;
  std::string again = "\xef\xbb\xbf";  // else one that begins the first path would be taken for the file's
  for (const resnet::ListedImage& image : list->images) {
    Require(image.label >= 0 && image.label < list->class_count, "a label is one of the classes");
    Require(!image.path.empty() && image.path.find('\0') == std::string::npos, "a path can be opened");
    largest = std::max(largest, image.label);
    absl::StrAppend(&again, image.path, " ", image.label, "\n");
  }
  Require(list->class_count == largest + 1, "there are no more classes than the list names");

  const absl::StatusOr<resnet::ImageList> same = resnet::ParseListFile(again, "list", "/data");
  Require(same.ok() && same->images.size() == list->images.size(), "what was read can be written as a list");
  for (std::size_t i = 0; i < list->images.size(); ++i) {
    Require(same->images[i].path == list->images[i].path && same->images[i].label == list->images[i].label,
            "and is the same list");
  }
  return 0;
}
