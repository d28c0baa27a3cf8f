// SPDX-License-Identifier: Apache-2.0
// Shared memory, as a student registers it with a teacher: the key, and which part of what it names.
// Input: eight bytes the offset, eight the size, then the key; none: that of memory of 100 bytes, which is there.
#include "src/tensor/shared_memory.h"

#include <algorithm>

#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const std::shared_ptr<SharedMemory> memory = [] {
    std::shared_ptr<SharedMemory> made = SharedMemory::Create(100).value();
    for (std::size_t i = 0; i < 100; ++i) made->data()[i] = std::byte(i);
    return made;
  }();
  FuzzInput input(data, size);
  const std::uint64_t offset = input.Number();
  const std::uint64_t byte_size = input.Number();
  const std::string text = input.Rest();
  // Of other keys only those that nobody has: what else is on this machine is none of a test's business.
  const std::string key = text.empty() ? memory->key() : text + "-edl-fuzz";
  absl::StatusOr<std::shared_ptr<SharedMemory>> attached = SharedMemory::Attach(key, offset, byte_size);
  if (!text.empty()) {
    const std::string name = key.substr(key.front() == '/' ? 1 : 0);
    const bool possible = name.size() <= 255 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                            return c > ' ' && c < 127 && c != '/';
                          });
    Require(!attached.ok() && absl::IsNotFound(attached.status()) == possible,
            "a key that can be none is told from one that is not there");
    return 0;
  }
  const bool inside = byte_size > 0 && offset < 100 && byte_size <= 100 - offset;
  Require(attached.ok() == inside, "a part is attached when it is in the memory");
  if (!inside) {
    Require(absl::IsInvalidArgument(attached.status()), "a part that is not in it is an INVALID_ARGUMENT");
    return 0;
  }
  Require((*attached)->size() == byte_size, "as much is attached as was asked for");
  for (std::size_t i = 0; i < byte_size; ++i) {
    Require((*attached)->data()[i] == std::byte(offset + i), "the part that was asked for");
  }
  return 0;
}
