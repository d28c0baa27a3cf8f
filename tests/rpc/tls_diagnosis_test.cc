// SPDX-License-Identifier: Apache-2.0
// What it finds is tested with servers, in teacher/tls_test.
#include "src/rpc/tls_diagnosis.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace edl {
namespace {

bool IsWorthIt(const std::string& endpoint, const std::string& address) {
  return IsWorthDiagnosing(
      absl::UnavailableError(
          absl::StrCat("failed to connect to all addresses; last error: UNKNOWN: ", address, ": Tls handshake failed")),
      endpoint);
}

TEST(TlsDiagnosis, LooksAtTheAddressThatFailed) {
  EXPECT_TRUE(IsWorthIt("127.0.0.1:80", "ipv4:127.0.0.1:80"));
  EXPECT_TRUE(IsWorthIt("grpcs://teacher.lan:9898", "ipv4:10.0.0.2:9898"));
  EXPECT_TRUE(IsWorthIt("[::1]:80", "ipv6:%5B::1%5D:80"));
  EXPECT_TRUE(IsWorthIt("unix:/run/teacher", "unix:/run/teacher"));
}

TEST(TlsDiagnosis, AServersWordsDoNotSayWhereAStudentConnects) {
  EXPECT_FALSE(IsWorthIt("10.0.0.2:9898", "ipv4:10.0.0.3:9898"));
  EXPECT_FALSE(IsWorthIt("teacher.lan:9898", "ipv4:10.0.0.2:22"));
  EXPECT_FALSE(IsWorthIt("10.0.0.2:9898", "unix:/run/docker.sock"));
  EXPECT_FALSE(IsWorthIt("unix:/run/teacher", "unix:/run/docker.sock"));
  EXPECT_FALSE(IsWorthIt("unix:/run/teacher", "ipv4:10.0.0.2:9898"));
}

}  // namespace
}  // namespace edl
