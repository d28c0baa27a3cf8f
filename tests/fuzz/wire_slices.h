// SPDX-License-Identifier: Apache-2.0
// Wire slices: a message as the network may deliver it, cut anywhere and lying anywhere; and decoded messages as text,
// to compare what came of two ways of cutting.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/support/byte_buffer.h"
#include "src/tensor/wire_tensor.h"
#include "tests/fuzz/fuzz_input.h"

namespace edl {

// Protobuf writes a line to standard error for each string that is no UTF-8; a fuzzer makes thousands a second.
inline const bool kProtobufIsQuiet = (google::protobuf::SetLogHandler(nullptr), true);

// Lengths of the first slices: a count, then two bytes each. What they leave over is the last slice.
inline std::vector<std::size_t> TakeCuts(FuzzInput& input) {
  std::vector<std::size_t> cuts(input.Byte() % 9);
  for (std::size_t& cut : cuts) {
    cut = input.Byte();
    cut |= static_cast<std::size_t>(input.Byte()) << 8;
  }
  return cuts;
}

// A slice in a block of its own, `lead` bytes off its alignment, that AddressSanitizer guards at its end.
inline grpc::Slice LooseSlice(const char* data, std::size_t size, std::size_t lead) {
  char* block = new char[lead + size];
  if (size != 0) std::memcpy(block + lead, data, size);
  return grpc::Slice(
      block + lead, size, [](void* its_block) { delete[] static_cast<char*>(its_block); }, block);
}

inline grpc::ByteBuffer CutUp(const std::string& bytes, const std::vector<std::size_t>& cuts) {
  std::vector<grpc::Slice> slices;
  std::size_t at = 0;
  for (std::size_t cut : cuts) {
    const std::size_t size = std::min(cut, bytes.size() - at);
    slices.push_back(LooseSlice(bytes.data() + at, size, slices.size() % 8));
    at += size;
  }
  slices.push_back(LooseSlice(bytes.data() + at, bytes.size() - at, cuts.size() % 8));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

inline std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  Require(buffer.Dump(&slices).ok(), "what was encoded can be read");
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

inline std::string Bytes(const WireTensor& tensor) {
  std::string bytes;
  for (const Fragment& fragment : tensor.fragments) {
    bytes.append(static_cast<const char*>(fragment.data), fragment.size);
  }
  return bytes;
}

inline std::string Text(const WireTensor& tensor) {
  std::string place;
  if (tensor.shared) {
    place = absl::StrCat(" in ", tensor.shared->region, " from ", tensor.shared->offset, " ", tensor.shared->byte_size);
  }
  if (tensor.compressed) absl::StrAppend(&place, " compressed to ", tensor.compressed->ToString());
  return absl::StrCat(tensor.spec.ToString(), place, " = ", Bytes(tensor), "\n");
}

inline std::string Text(const std::vector<WireTensor>& tensors) {
  std::string text;
  for (const WireTensor& tensor : tensors) text += Text(tensor);
  return text;
}

inline std::string Text(const Tensor& tensor) {
  std::string text = tensor.ToString() + " = ";
  if (tensor.byte_size() != 0) text.append(static_cast<const char*>(tensor.data()), tensor.byte_size());
  return text + "\n";
}

// What every tensor keeps that was put together from a message, whatever stands in it.
inline void CheckTensor(const Tensor& tensor) {
  const std::size_t size = DTypeSize(tensor.dtype());
  Require(size == 0 || reinterpret_cast<std::uintptr_t>(tensor.data()) % size == 0, "a tensor is aligned");
  const auto elements = static_cast<std::size_t>(tensor.element_count());
  if (size != 0) Require(elements * size == tensor.byte_size(), "a tensor has the bytes of its elements");
  if (tensor.dtype() == DType::kBytes) {
    absl::StatusOr<std::vector<std::string>> strings = tensor.ToStrings();
    Require(strings.ok() && strings->size() == elements, "a BYTES tensor has a string for each element");
    absl::StatusOr<Tensor> again = Tensor::FromStrings(tensor.shape(), *strings);
    Require(again.ok() && Text(*again) == Text(tensor), "a BYTES tensor can be made of its strings");
  }
  const std::int64_t rows = std::min<std::int64_t>(tensor.rows(), 16);  // a tensor without bytes may have any number
  std::size_t in_rows = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    absl::StatusOr<Tensor> one = tensor.Row(row);
    Require(one.ok(), "a tensor has all its rows");
    Text(*one);  // reads every byte
    in_rows += one->byte_size();
  }
  if (rows > 0 && rows == tensor.rows()) Require(in_rows == tensor.byte_size(), "a tensor's bytes are its rows'");
}

}  // namespace edl
