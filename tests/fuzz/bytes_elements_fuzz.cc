// SPDX-License-Identifier: Apache-2.0
// The elements of a BYTES tensor, in a row or in a table.
// Input: two bytes the shape, then the elements.
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/wire_slices.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  FuzzInput input(data, size);
  const std::int64_t rows = input.Byte();
  const std::int64_t columns = input.Byte();
  const Shape shape = columns == 0 ? Shape{rows} : Shape{rows, columns};
  const std::string bytes = input.Rest();
  absl::StatusOr<Tensor> tensor = Tensor::Copy(DType::kBytes, shape, bytes.data(), bytes.size());
  if (!tensor.ok()) {
    Require(absl::IsInvalidArgument(tensor.status()), "elements that do not add up are an INVALID_ARGUMENT");
    return 0;
  }
  CheckTensor(*tensor);
  const std::int64_t middle = rows / 2;
  std::vector<std::string> strings;
  for (const auto& [begin, end] : {std::pair{std::int64_t{0}, middle}, std::pair{middle, rows}}) {
    const std::vector<std::string> half = tensor->Rows(begin, end).value().ToStrings().value();
    strings.insert(strings.end(), half.begin(), half.end());
  }
  Require(strings == tensor->ToStrings().value(), "two halves are the whole");
  return 0;
}
