// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/advertised_endpoint.h"

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A name that no system looks up anywhere: its first part is too long for DNS.
const std::string& Unknown() {
  static const std::string& name = *new std::string(64, 'x');
  return name;
}

absl::StatusOr<std::string> Towards(const std::string& redis, const std::string& listening = "0.0.0.0:9898") {
  return AdvertisedEndpoint(listening, RedisAddress::Parse(redis).value());
}

TEST(AdvertisedEndpoint, OfEveryAddressIsTheOneTowardsRedis) {
  EXPECT_EQ(Towards("redis://127.0.0.1").value(), "127.0.0.1:9898");
  EXPECT_EQ(Towards("redis://127.0.0.1", "[::]:9898").value(), "127.0.0.1:9898");
}

TEST(AdvertisedEndpoint, OfOneAddressIsThatAddress) {
  EXPECT_EQ(Towards("redis://" + Unknown(), "10.0.0.7:9898").value(), "10.0.0.7:9898");
}

TEST(AdvertisedEndpoint, IsFoundByAnySentinelWhenTheFirstIsMissing) {
  EXPECT_EQ(Towards("redis+sentinel://" + Unknown() + ",127.0.0.1/main").value(), "127.0.0.1:9898");
}

TEST(AdvertisedEndpoint, IsUnavailableWhileNoHostCanBeLookedUp) {
  const absl::Status status = Towards("redis+sentinel://" + Unknown() + ",y" + Unknown() + "/main").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("'" + Unknown() + "'"), HasSubstr("'y" + Unknown() + "'"), HasSubstr("--advertise")));
}

TEST(ListeningForStudents, IsTheFirstAddressThatIsNoUnixSocket) {
  EXPECT_EQ(ListeningForStudents({"unix:/run/a", "0.0.0.0:9898", "0.0.0.0:9899"}).value(), "0.0.0.0:9898");
  EXPECT_THAT(std::string(ListeningForStudents({"unix:/run/a", "unix:/run/b"}).status().message()),
              HasSubstr("unix:/run/a, unix:/run/b is for this machine only"));
}

}  // namespace
}  // namespace edl
