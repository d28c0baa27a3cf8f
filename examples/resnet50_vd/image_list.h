// SPDX-License-Identifier: Apache-2.0
// ImageList: which images there are, and which class each is of.
// Place: read once from the folder as people have it, by any of
//            data/train_list.txt, data/val_list.txt   a line an image: its path from `data`, and its label
//            data/train/CLASS/…, data/val/CLASS/…     labels by the order of the classes' names
// Errors: NOT_FOUND - nothing of that is there; INVALID_ARGUMENT - a line that is none ("train_list.txt:17: …"), or no
//         images; else what the system says. Whether the images themselves can be read, only the loader finds out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace resnet {

struct ListedImage {
  std::string path;  // from the list's root, or absolute
  std::int64_t label = 0;
};

struct ImageList {
  std::filesystem::path root;
  std::vector<ListedImage> images;
  std::int64_t class_count = 0;          // the largest label, plus 1; or the number of class folders
  std::vector<std::string> class_names;  // of class folders; a list file has none

  std::string PathOf(std::int64_t index) const {
    return (root / images[static_cast<std::size_t>(index)].path).string();
  }
};

enum class Part { kTrain, kValidation };

// The list file of that part if there is one, else its class folders.
absl::StatusOr<ImageList> FindImages(const std::filesystem::path& data, Part part);

// `file` holds lines "path label", the label being the last word: paths may have spaces in them. Ends of lines may be
// those of Windows; spaces at the end and blank lines are nothing.
absl::StatusOr<ImageList> ReadListFile(const std::filesystem::path& file, const std::filesystem::path& root);

// The same of the text of a list file; `name` is what errors call it.
absl::StatusOr<ImageList> ParseListFile(std::string_view text, const std::string& name,
                                        const std::filesystem::path& root);

// Every file under folder/CLASS/ whose name ends in .jpg, .jpeg or .png, in any case, by path. Hidden ones are passed
// over.
absl::StatusOr<ImageList> ReadClassFolders(const std::filesystem::path& folder);

// That a label means the same class in both. INVALID_ARGUMENT when it does not: class folders of other names, or
// labels to validate on that are not trained.
absl::Status CheckSameClasses(const ImageList& training, const ImageList& validation);

}  // namespace resnet
