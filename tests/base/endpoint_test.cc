// SPDX-License-Identifier: Apache-2.0
#include "src/base/endpoint.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

TEST(Endpoint, TakesTheFourForms) {
  for (const char* good : {"10.0.0.2:9898", "teacher-1.lan:1", "[::1]:9898", "dns:///teachers:9898", "unix:/tmp/t.sock",
                           "unix:///tmp/t.sock", "localhost:65535"}) {
    EXPECT_TRUE(CheckEndpoint(good).ok()) << good << ": " << CheckEndpoint(good);
  }
}

TEST(Endpoint, RefusesWhatGrpcWouldConnectToInVain) {
  for (const char* bad : {"", "host", ":9898", "host:", "host:0", "host:65536", "host:+5", "host: 5", "::1:9898",
                          "http://host:80", "unix:", "unix:relative", "dns:///", "a b:1", "host:1\n"}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace edl
