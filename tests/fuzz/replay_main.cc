// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over every file of the folders that it is given, without libFuzzer: what was found once stays a
// test in every build.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    std::printf("%s\n", file.c_str());  // the last line names the file that ended the process
    std::fflush(stdout);
    std::ifstream stream(file, std::ios::binary);
    // Exactly as large as the file is: AddressSanitizer sees a read beyond it.
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  if (!files.empty()) return 0;
  std::fprintf(stderr, "no files to replay\n");
  return 1;
}
