// SPDX-License-Identifier: Apache-2.0
// Where a teacher is to listen. Input: the address.
#include "src/teacher/listen_address.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "src/base/endpoint.h"
#include "src/teacher/advertised_endpoint.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  const std::string address = FuzzInput(data, size).Rest();
  const absl::Status status = CheckListenAddress(address);
  if (!status.ok()) {
    Require(absl::IsInvalidArgument(status), "no address is an INVALID_ARGUMENT");
    return 0;
  }
  const std::string at_port = WithPort(address, 4711);
  Require(CheckListenAddress(at_port).ok() && WithPort(at_port, 4711) == at_port, "an address takes another port");
  const bool unix_socket = absl::StartsWith(address, "unix:");
  Require((at_port == address) == (unix_socket || absl::EndsWith(address, ":4711")), "only the port is another");
  Require(ListeningForStudents({address}).ok() != unix_socket, "students on other machines reach ports");
  if (unix_socket) {
    Require(address.find('\0') == std::string::npos, "a path has no NUL");
    return 0;
  }
  const std::string port = address.substr(address.rfind(':') + 1);
  for (unsigned char c : port) Require(absl::ascii_isdigit(c), "a port is a number");
  return 0;
}
