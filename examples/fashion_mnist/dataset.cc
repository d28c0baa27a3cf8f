// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/dataset.h"

#include "zlib.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "examples/support/random.h"

namespace fashion_mnist {
namespace {

using edl_examples::RandomStream;
using edl_examples::Shuffle;

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one dimension

// Keeps the subset's draw apart from the augmentation's streams, which start from the same run seed.
constexpr std::uint64_t kSubsetStream = 0x5355425345540000u;

[[noreturn]] void Fail(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error(file.string() + ": " + what);
}

class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path) : path_(path), file_(gzopen(path.c_str(), "rb"), &gzclose) {
    if (file_ == nullptr) Fail(path_, "cannot be opened; is the Debian package dataset-fashion-mnist installed?");
  }

  void ReadExactly(void* destination, std::size_t byte_count) {
    const int got = gzread(file_.get(), destination, static_cast<unsigned>(byte_count));
    if (got < 0) Fail(path_, "is damaged: " + ZlibError());
    if (static_cast<std::size_t>(got) != byte_count) {
      Fail(path_, "ends early: wanted " + std::to_string(byte_count) + " more bytes, got " + std::to_string(got));
    }
  }

  std::uint32_t ReadBigEndian() {
    std::array<std::uint8_t, 4> bytes;
    ReadExactly(bytes.data(), bytes.size());
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
  }

  // Reading past the data also makes zlib check the gzip trailer's checksum.
  void ExpectEnd() {
    std::uint8_t extra;
    const int got = gzread(file_.get(), &extra, 1);
    if (got < 0) Fail(path_, "is damaged: " + ZlibError());
    if (got > 0) Fail(path_, "has more bytes than its header promises");
  }

 private:
  std::string ZlibError() const {
    int code = Z_OK;
    return gzerror(file_.get(), &code);
  }

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

torch::Tensor ReadIdx(const std::filesystem::path& path, std::uint32_t magic, const std::vector<std::int64_t>& shape) {
  GzipReader reader(path);
  const std::uint32_t found_magic = reader.ReadBigEndian();
  if (found_magic != magic) {
    std::ostringstream what;
    what << std::hex << "is not the idx file expected here: magic 0x" << found_magic << " instead of 0x" << magic;
    Fail(path, what.str());
  }
  for (const std::int64_t expected : shape) {
    const std::int64_t found = reader.ReadBigEndian();
    if (found != expected) {
      Fail(path, "has a dimension of " + std::to_string(found) + " instead of " + std::to_string(expected));
    }
  }
  torch::Tensor values = torch::empty(shape, torch::kUInt8);
  reader.ReadExactly(values.data_ptr<std::uint8_t>(), static_cast<std::size_t>(values.numel()));
  reader.ExpectEnd();
  return values;
}

}  // namespace

Dataset Load(const std::filesystem::path& directory, Part part) {
  const std::string prefix = part == Part::kTrain ? "train" : "t10k";
  const std::int64_t count = part == Part::kTrain ? 60'000 : 10'000;
  const std::filesystem::path labels_path = directory / (prefix + "-labels-idx1-ubyte.gz");
  Dataset dataset;
  dataset.images =
      ReadIdx(directory / (prefix + "-images-idx3-ubyte.gz"), kImagesMagic, {count, kImageSide, kImageSide})
          .unsqueeze(1);
  dataset.labels = ReadIdx(labels_path, kLabelsMagic, {count}).to(torch::kInt64);
  const auto largest = dataset.labels.max().item<std::int64_t>();
  if (largest >= kClassCount) Fail(labels_path, "has a label of " + std::to_string(largest) + "; labels are 0 to 9");
  return dataset;
}

Dataset DrawBalancedSubset(const Dataset& dataset, std::int64_t count, std::uint64_t seed) {
  if (count <= 0 || count % kClassCount != 0) {
    throw std::invalid_argument("a balanced subset of " + std::to_string(count) + " images: not a multiple of " +
                                std::to_string(kClassCount));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset.size()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  RandomStream random({kSubsetStream, seed});
  Shuffle(order, random);

  const auto labels = dataset.labels.accessor<std::int64_t, 1>();
  std::array<std::int64_t, kClassCount> wanted;
  wanted.fill(count / kClassCount);
  std::vector<std::int64_t> chosen;
  for (const std::int64_t index : order) {
    std::int64_t& still_wanted = wanted[static_cast<std::size_t>(labels[index])];
    if (still_wanted == 0) continue;
    --still_wanted;
    chosen.push_back(index);
  }
  if (static_cast<std::int64_t>(chosen.size()) != count) {
    throw std::invalid_argument("a balanced subset of " + std::to_string(count) + " images: a class has too few");
  }
  const torch::Tensor indices = torch::tensor(chosen, torch::kInt64);
  return {dataset.images.index_select(0, indices), dataset.labels.index_select(0, indices)};
}

}  // namespace fashion_mnist
