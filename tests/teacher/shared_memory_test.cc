// SPDX-License-Identifier: Apache-2.0
// The system shared memory extension, as a stranger's client uses it.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "src/teacher/server.h"
#include "src/tensor/shared_memory.h"
#include "tests/support/function_model.h"
#include "tests/support/mapping.h"
#include "tests/support/memory_owner.h"
#include "tests/support/rows.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<TeacherServer> StartServer(TeacherServerOptions options = {}) {
  return TeacherServer::Start(options, std::make_unique<FunctionModel>(test::RowModel(), test::ScoreRows)).value();
}

class SharedMemoryExtension : public ::testing::Test {
 protected:
  grpc::Status Register(const std::string& name, const std::string& key, std::uint64_t offset, std::uint64_t size) {
    inference::SystemSharedMemoryRegisterRequest request;
    inference::SystemSharedMemoryRegisterResponse reply;
    request.set_name(name);
    request.set_key(key);
    request.set_offset(offset);
    request.set_byte_size(size);
    return client_.stub().SystemSharedMemoryRegister(WireClient::Context().get(), request, &reply);
  }
  void Unregister(const std::string& name) {
    inference::SystemSharedMemoryUnregisterRequest request;
    inference::SystemSharedMemoryUnregisterResponse reply;
    request.set_name(name);
    EXPECT_TRUE(client_.stub().SystemSharedMemoryUnregister(WireClient::Context().get(), request, &reply).ok());
  }
  // Name: "key offset size".
  std::map<std::string, std::string> Regions() {
    inference::SystemSharedMemoryStatusRequest request;
    inference::SystemSharedMemoryStatusResponse reply;
    EXPECT_TRUE(client_.stub().SystemSharedMemoryStatus(WireClient::Context().get(), request, &reply).ok());
    std::map<std::string, std::string> regions;
    for (const auto& [name, region] : reply.regions()) {
      EXPECT_EQ(region.name(), name);
      regions[name] = region.key() + " " + std::to_string(region.offset()) + " " + std::to_string(region.byte_size());
    }
    return regions;
  }

  // One row, whose bytes lie there.
  static inference::ModelInferRequest RowIn(const std::string& region, std::int64_t offset, std::int64_t byte_size) {
    inference::ModelInferRequest request;
    auto* x = request.add_inputs();
    x->set_name("x");
    x->set_datatype("INT64");
    x->add_shape(1);
    x->add_shape(2);
    (*x->mutable_parameters())["shared_memory_region"].set_string_param(region);
    (*x->mutable_parameters())["shared_memory_byte_size"].set_int64_param(byte_size);
    (*x->mutable_parameters())["shared_memory_offset"].set_int64_param(offset);
    return request;
  }

  static void AskFor(inference::ModelInferRequest& request, const std::string& output, const std::string& region,
                     std::int64_t offset, std::int64_t byte_size) {
    auto* asked = request.add_outputs();
    asked->set_name(output);
    (*asked->mutable_parameters())["shared_memory_region"].set_string_param(region);
    (*asked->mutable_parameters())["shared_memory_byte_size"].set_int64_param(byte_size);
    (*asked->mutable_parameters())["shared_memory_offset"].set_int64_param(offset);
  }

  static std::shared_ptr<SharedMemory> MemoryWithRow(std::size_t offset, std::int64_t id) {
    auto memory = SharedMemory::Create(8'192).value();
    const std::int64_t row[] = {id, test::Salt(id)};
    std::memcpy(memory->data() + offset, row, sizeof row);
    return memory;
  }

  std::vector<std::string> Extensions() {
    inference::ServerMetadataRequest request;
    inference::ServerMetadataResponse reply;
    EXPECT_TRUE(client_.stub().ServerMetadata(WireClient::Context().get(), request, &reply).ok());
    return {reply.extensions().begin(), reply.extensions().end()};
  }

  std::unique_ptr<TeacherServer> server_ = StartServer();
  WireClient client_{server_->endpoint()};
};

TEST_F(SharedMemoryExtension, ServesTensorsThatLieInARegion) {
  auto memory = MemoryWithRow(4'096 + 64, 17);
  ASSERT_TRUE(Register("mine", memory->key(), 4'096, 4'096).ok());
  inference::ModelInferResponse reply;
  const grpc::Status status = client_.Infer(RowIn("mine", 64, 16), &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(RawOutput<std::int64_t>(reply, 0), test::Label(17, test::Salt(17)));
}

TEST_F(SharedMemoryExtension, IsSaidByServerMetadata) {
  EXPECT_THAT(Extensions(), Contains("system_shared_memory"));
}

TEST_F(SharedMemoryExtension, ListsAndForgetsRegions) {
  auto memory = MemoryWithRow(0, 1);
  ASSERT_TRUE(Register("a", memory->key(), 0, 100).ok());
  ASSERT_TRUE(Register("b", memory->key(), 8, 50).ok());
  EXPECT_THAT(Regions(), ElementsAre(std::pair<const std::string, std::string>("a", memory->key() + " 0 100"),
                                     std::pair<const std::string, std::string>("b", memory->key() + " 8 50")));
  Unregister("a");
  Unregister("never there");
  EXPECT_EQ(Regions().size(), 1u);
  Unregister("");
  EXPECT_EQ(Regions().size(), 0u);
  EXPECT_EQ(client_.Infer(RowIn("b", 0, 16)).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SharedMemoryExtension, RefusesWhatMakesNoSense) {
  auto memory = MemoryWithRow(0, 1);
  EXPECT_EQ(Register("", memory->key(), 0, 8'192).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Register("far", memory->key(), 8'000, 193).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Register("nobody", "/edl-nobody", 0, 1).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Register("path", "/../../etc/passwd", 0, 1).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(Register("mine", memory->key(), 0, 8'192).ok());
  EXPECT_EQ(Register("mine", memory->key(), 0, 8'192).error_code(), grpc::StatusCode::ALREADY_EXISTS);

  EXPECT_EQ(client_.Infer(RowIn("other", 0, 16)).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(client_.Infer(RowIn("mine", 8'190, 16)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(client_.Infer(RowIn("mine", -1, 16)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(client_.Infer(RowIn("mine", 0, 17)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  auto both = RowIn("mine", 0, 16);
  both.add_raw_input_contents("0123456789abcdef");
  EXPECT_EQ(client_.Infer(both).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(client_.Infer(RowIn("mine", 0, 16)).ok());
}

TEST_F(SharedMemoryExtension, WritesAnOutputWhereTheStudentWantsIt) {
  auto memory = MemoryWithRow(0, 17);
  ASSERT_TRUE(Register("mine", memory->key(), 0, 8'192).ok());
  auto request = RowIn("mine", 0, 16);
  AskFor(request, "score", "mine", 4'096, 100);
  inference::ModelInferResponse reply;
  const grpc::Status status = client_.Infer(request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.raw_output_contents_size(), 0);
  ASSERT_EQ(reply.outputs_size(), 1);
  EXPECT_THAT(reply.outputs(0).shape(), ElementsAre(1, 3));
  auto parameters = reply.outputs(0).parameters();
  EXPECT_EQ(parameters["shared_memory_region"].string_param(), "mine");
  EXPECT_EQ(parameters["shared_memory_offset"].int64_param(), 4'096);
  EXPECT_EQ(parameters["shared_memory_byte_size"].int64_param(), 24);
  const auto* written = reinterpret_cast<const std::int64_t*>(memory->data() + 4'096);
  EXPECT_EQ(std::vector<std::int64_t>(written, written + 3), test::Label(17, test::Salt(17)));
}

TEST_F(SharedMemoryExtension, RefusesAnOutputThatHasNoRoomThere) {
  auto memory = MemoryWithRow(0, 17);
  ASSERT_TRUE(Register("mine", memory->key(), 0, 8'192).ok());
  auto refusal = [&](const std::string& region, std::int64_t offset, std::int64_t byte_size) {
    auto request = RowIn("mine", 0, 16);
    AskFor(request, "score", region, offset, byte_size);
    return client_.Infer(request);
  };
  EXPECT_EQ(refusal("other", 0, 24).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(refusal("mine", 8'190, 24).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const grpc::Status too_small = refusal("mine", 0, 23);
  EXPECT_EQ(too_small.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(too_small.error_message(), HasSubstr("output 'score' has 24 bytes; the room for it in shared memory "
                                                   "region 'mine' has 23"));
  auto compressed = RowIn("mine", 0, 16);
  AskFor(compressed, "score", "mine", 0, 24);
  (*compressed.mutable_outputs(0)->mutable_parameters())["datatype"].set_string_param("FP16");
  EXPECT_EQ(client_.Infer(compressed).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(client_.Infer(RowIn("mine", 0, 16)).ok());
}

TEST_F(SharedMemoryExtension, LetsGoOfRegionsWhoseStudentWasKilled) {
  MemoryOwner student(8'192);
  auto memory = MemoryWithRow(0, 1);
  ASSERT_TRUE(Register("killed", student.key(), 0, 8'192).ok());
  ASSERT_TRUE(Register("alive", memory->key(), 0, 8'192).ok());
  student.Kill();
  while (Regions().count("killed") != 0) std::this_thread::yield();
  while (!KeyIsGone(student.key())) std::this_thread::yield();
  EXPECT_EQ(Regions().size(), 1u);
  EXPECT_TRUE(client_.Infer(RowIn("alive", 0, 16)).ok());
}

TEST(SharedMemoryPolicy, IsForThisMachineAloneUnlessItIsAllowed) {
  auto offers = [](std::vector<std::string> listen, SharedMemoryPolicy policy) {
    TeacherServerOptions options;
    options.listen = std::move(listen);
    options.shared_memory = policy;
    auto server = StartServer(options);
    WireClient client("127.0.0.1:" + server->endpoint().substr(server->endpoint().rfind(':') + 1));
    inference::ServerMetadataRequest request;
    inference::ServerMetadataResponse reply;
    EXPECT_TRUE(client.stub().ServerMetadata(WireClient::Context().get(), request, &reply).ok());
    inference::SystemSharedMemoryRegisterRequest to_register;
    inference::SystemSharedMemoryRegisterResponse registered;
    to_register.set_name("x");
    to_register.set_key("/edl-nobody");
    to_register.set_byte_size(1);
    const auto status = client.stub().SystemSharedMemoryRegister(WireClient::Context().get(), to_register, &registered);
    const auto& extensions = reply.extensions();
    const bool offered = std::find(extensions.begin(), extensions.end(), "system_shared_memory") != extensions.end();
    EXPECT_EQ(status.error_code(), offered ? grpc::StatusCode::NOT_FOUND : grpc::StatusCode::FAILED_PRECONDITION);
    return offered;
  };
  EXPECT_TRUE(offers({"127.0.0.1:0"}, SharedMemoryPolicy::kIfLocal));
  EXPECT_TRUE(offers({"localhost:0"}, SharedMemoryPolicy::kIfLocal));
  EXPECT_FALSE(offers({"0.0.0.0:0"}, SharedMemoryPolicy::kIfLocal));
  EXPECT_FALSE(offers({"127.0.0.1:0", "0.0.0.0:0"}, SharedMemoryPolicy::kIfLocal));
  EXPECT_TRUE(offers({"0.0.0.0:0"}, SharedMemoryPolicy::kAlways));
  EXPECT_FALSE(offers({"127.0.0.1:0"}, SharedMemoryPolicy::kNever));
}

}  // namespace
}  // namespace edl
