// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/image_list.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

namespace fs = std::filesystem;

// Far above any data set's: a larger label is a mistake, and would make a classifier that fits into no memory.
constexpr std::int64_t kMostClasses = 10'000'000;
constexpr int kMostDepth = 16;  // of folders in a class folder
constexpr std::string_view kBlanks = " \t\r\v\f";

// As much of a line as an error should repeat, whatever is in it.
std::string Excerpt(std::string_view line) {
  constexpr std::size_t kMost = 80;
  const std::string begin(line.substr(0, kMost));
  return absl::StrCat("'", absl::CHexEscape(begin), line.size() > kMost ? "…'" : "'");
}

std::string_view TrimRight(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kBlanks);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

absl::StatusOr<ListedImage> ParseLine(std::string_view line) {
  const auto complain = [&](const char* what) {
    return absl::InvalidArgumentError(absl::StrCat(
        Excerpt(line), " ", what, "; expected 'path label', the label a whole number from 0 to ", kMostClasses - 1));
  };
  if (line.find('\0') != std::string_view::npos) return complain("has a zero byte in it: this is no plain text");
  const std::size_t blank = line.find_last_of(kBlanks);
  const std::string_view path = blank == std::string_view::npos ? line : TrimRight(line.substr(0, blank));
  if (blank == std::string_view::npos || path.empty()) return complain("is one word");
  const std::string label(line.substr(blank + 1));
  ListedImage image{std::string(path), -1};
  const bool digits = std::all_of(label.begin(), label.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(label, &image.label)) return complain("does not end in a label");
  if (image.label >= kMostClasses) return complain("has a label out of range");
  return image;
}

bool IsImageName(const fs::path& name) {
  const std::string extension = absl::AsciiStrToLower(name.extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool IsHidden(const fs::path& path) {
  return path.filename().string().front() == '.';
}

std::vector<std::string> FindClasses(const fs::path& folder) {
  std::vector<std::string> classes;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !IsHidden(entry.path())) classes.push_back(entry.path().filename().string());
  }
  std::sort(classes.begin(), classes.end());
  return classes;
}

// Follows links to folders: data sets are often put together from them. The iterator itself would go round a circle of
// them 40 times, and list each image as often.
void AppendImagesOf(const fs::path& root, const std::string& name, std::int64_t label, ImageList& list) {
  std::vector<std::string> paths;
  const auto options = fs::directory_options::follow_directory_symlink;
  for (auto it = fs::recursive_directory_iterator(root / name, options); it != fs::end(it); ++it) {
    if (it.depth() > kMostDepth) {
      throw fs::filesystem_error("", it->path(), std::make_error_code(std::errc::too_many_symbolic_link_levels));
    }
    if (IsHidden(it->path())) {
      it.disable_recursion_pending();
    } else if (IsImageName(it->path()) && !it->is_directory()) {
      paths.push_back(it->path().lexically_relative(root).string());
    }
  }
  std::sort(paths.begin(), paths.end());
  for (std::string& path : paths) list.images.push_back({std::move(path), label});
}

absl::Status NoImages(const fs::path& where, const char* expected) {
  return absl::InvalidArgumentError(absl::StrCat(where.string(), ": no images; expected ", expected));
}

}  // namespace

absl::StatusOr<ImageList> FindImages(const fs::path& data, Part part) {
  const std::string name = part == Part::kTrain ? "train" : "val";
  const fs::path list = data / (name + "_list.txt");
  const fs::path folder = data / name;
  std::error_code ignored;  // whatever it is, it is not there
  if (fs::exists(list, ignored)) return ReadListFile(list, data);
  if (fs::is_directory(folder, ignored)) return ReadClassFolders(folder);
  return absl::NotFoundError(absl::StrCat(data.string(), ": neither ", name, "_list.txt (lines 'path label') nor ",
                                          name, "/ (a folder a class); is this the folder of the data set?"));
}

absl::StatusOr<ImageList> ReadListFile(const fs::path& file, const fs::path& root) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), ": is a folder; expected a file of 'path label'"));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::ErrnoToStatus(errno, absl::StrCat(file.string(), ": cannot be opened"));
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) return absl::ErrnoToStatus(errno, absl::StrCat(file.string(), ": cannot be read"));
  return ParseListFile(text, file.string(), root);
}

absl::StatusOr<ImageList> ParseListFile(std::string_view text, const std::string& name, const fs::path& root) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  ImageList list;
  list.root = root;
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = TrimRight(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    absl::StatusOr<ListedImage> image = ParseLine(line);
    if (!image.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ":", number, ": ", image.status().message()));
    }
    list.class_count = std::max(list.class_count, image->label + 1);
    list.images.push_back(*std::move(image));
  }
  if (list.images.empty()) return NoImages(name, "a line 'path label' for each");
  return list;
}

absl::StatusOr<ImageList> ReadClassFolders(const fs::path& folder) {
  try {
    ImageList list;
    list.root = folder;
    list.class_names = FindClasses(folder);
    list.class_count = static_cast<std::int64_t>(list.class_names.size());
    for (std::int64_t label = 0; label < list.class_count; ++label) {
      AppendImagesOf(folder, list.class_names[static_cast<std::size_t>(label)], label, list);
    }
    if (list.images.empty()) return NoImages(folder, "a folder a class, with .jpg, .jpeg or .png files in it");
    return list;
  } catch (const fs::filesystem_error& error) {
    const fs::path& where = error.path1().empty() ? folder : error.path1();
    return absl::ErrnoToStatus(error.code().value(), absl::StrCat(where.string(), ": cannot be listed"));
  }
}

absl::Status CheckSameClasses(const ImageList& training, const ImageList& validation) {
  const std::string between = absl::StrCat(training.root.string(), " and ", validation.root.string(), ": ");
  if (validation.class_count > training.class_count) {
    return absl::InvalidArgumentError(absl::StrCat(between, training.class_count, " classes to train on, but ",
                                                   validation.class_count, " to validate on"));
  }
  if (training.class_names.empty() || validation.class_names.empty()) return absl::OkStatus();
  for (std::size_t label = 0; label < validation.class_names.size(); ++label) {
    const std::string& trained = training.class_names[label];
    const std::string& validated = validation.class_names[label];
    if (trained == validated) continue;
    return absl::InvalidArgumentError(absl::StrCat(between, "class ", label, " is '", trained, "' to train on and '",
                                                   validated,
                                                   "' to validate on; expected the same class folders in both"));
  }
  return absl::OkStatus();
}

}  // namespace resnet
