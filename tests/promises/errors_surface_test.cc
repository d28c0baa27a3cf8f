// SPDX-License-Identifier: Apache-2.0
// Promise 7: a fault that no retry can mend reaches Next() as a sticky status that says what, where and why.
#include <stdexcept>

#include "gmock/gmock.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Reads to the error; gives it, and in `batches` how many batches came before it.
absl::Status ReadToError(DistillReader& reader, std::int64_t* batches = nullptr) {
  std::int64_t count = 0;
  absl::Status error;
  for (int epoch = 0; epoch < 3 && error.ok(); ++epoch) {
    for (auto& batch : reader.Epoch()) {
      if (!batch.ok()) {
        error = batch.status();
      } else {
        ++count;
      }
    }
  }
  EXPECT_EQ(reader.Next().status(), error) << "sticky";
  if (batches != nullptr) *batches = count;
  return error;
}

absl::Status ErrorWith(ReaderOptions options, std::unique_ptr<BatchSource> source = test::BatchesOf(3, 4)) {
  auto teacher = test::StartTeacher();
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), std::move(options));
  return ReadToError(*reader);
}

std::unique_ptr<BatchSource> FailsAfter(std::int64_t good, std::function<absl::Status()> fail) {
  return FromBatches([good, fail](std::int64_t) -> Generator<Fields> {
    return [good, fail, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i == good) return fail();
      return std::optional<Fields>(test::MakeBatch(4 * i++, 4));
    };
  });
}

TEST(ErrorsSurface, TheSourceFailsAfterEveryBatchBeforeIt) {
  for (bool ordered : {true, false}) {
    auto teacher = test::StartTeacher();
    ReaderOptions options = test::RowOptions();
    options.ordered = ordered;
    auto reader = test::NewReader(FailsAfter(5, [] { return absl::DataLossError("disk is gone"); }),
                                  FixedTeachers({teacher->endpoint()}), options);
    std::int64_t batches;
    absl::Status error = ReadToError(*reader, &batches);
    EXPECT_EQ(error.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(error.message(), HasSubstr("the source failed at item 5 of epoch 0: disk is gone"));
    EXPECT_EQ(batches, 5);
  }
}

TEST(ErrorsSurface, TheSourceThrows) {
  absl::Status error =
      ErrorWith(test::RowOptions(), FailsAfter(2, []() -> absl::Status { throw std::runtime_error("bad sector"); }));
  EXPECT_THAT(error.message(), HasSubstr("the source failed at item 2 of epoch 0: bad sector"));
}

TEST(ErrorsSurface, AnOutputNameIsWrong) {
  ReaderOptions options = test::RowOptions();
  options.predictions = {"scor"};
  absl::Status error = ErrorWith(options);
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("no output 'scor'"), HasSubstr("score INT64 [-1, 3]")));
}

TEST(ErrorsSurface, AnInputOfTheTeacherIsNoField) {
  ReaderOptions options = test::RowOptions();
  options.fields = {"image", "label"};
  absl::Status error = ErrorWith(options);
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("input 'x'"), HasSubstr("{image, label}")));
}

TEST(ErrorsSurface, AFieldHasAnotherDtypeThanTheTeacherTakes) {
  std::vector<Fields> batches{{Tensor::FromVector<float>({2, 2}, {1, 2, 3, 4}).value(), test::Int64s({2}, {0, 1})}};
  absl::Status error = ErrorWith(test::RowOptions(), FromBatches(batches));
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(),
              HasSubstr("batch 0 of epoch 0: field 'x' is FP32, but the teacher takes x INT64 [-1, 2]"));
}

TEST(ErrorsSurface, ARowHasAnotherSizeThanTheTeacherTakes) {
  std::vector<Fields> batches{test::MakeBatch(0, 3),
                              {test::Int64s({2, 3}, {1, 2, 3, 4, 5, 6}), test::Int64s({2}, {0, 1})}};
  absl::Status error = ErrorWith(test::RowOptions(), FromBatches(batches));
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("batch 1 of epoch 0: field 'x' has rows of shape [3], but the teacher takes"));
}

TEST(ErrorsSurface, FieldsOfOneBatchHaveDifferentRows) {
  std::vector<Fields> batches{{test::Int64s({2, 2}, {1, 2, 3, 4}), test::Int64s({1}, {0})}};
  absl::Status error = ErrorWith(test::RowOptions(), FromBatches(batches));
  EXPECT_THAT(error.message(), HasSubstr("field 'label' has 1 rows, but 'x' has 2"));
}

TEST(ErrorsSurface, ABatchLacksAField) {
  std::vector<Fields> batches{{test::Int64s({2, 2}, {1, 2, 3, 4})}};
  absl::Status error = ErrorWith(test::RowOptions(), FromBatches(batches));
  EXPECT_THAT(error.message(), HasSubstr("holds 1 tensors; expected one for each of the 2 fields {x, label}"));
}

TEST(ErrorsSurface, AfterTheBatchesBeforeItAndWithBatchTeacherAttemptAndReason) {
  auto teacher = test::StartTeacher({}, test::RowModel(),
                                    [](const std::vector<Tensor>& inputs) -> absl::StatusOr<std::vector<Tensor>> {
                                      if (inputs[0].data_as<std::int64_t>()[0] == 18)
                                        return absl::InvalidArgumentError("18 is a number I refuse");
                                      return test::ScoreRows(inputs);
                                    });
  auto reader = test::NewReader(test::BatchesOf(10, 6), FixedTeachers({teacher->endpoint()}), test::RowOptions(3));
  std::int64_t batches;
  absl::Status error = ReadToError(*reader, &batches);
  EXPECT_EQ(batches, 3);
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(error.message()),
      AllOf(HasSubstr("batch 3 of epoch 0, rows 0 to 2"), HasSubstr(teacher->endpoint()), HasSubstr("attempt 1 of 16"),
            HasSubstr("no other teacher would take it"), HasSubstr("18 is a number I refuse")));
}

TEST(ErrorsSurface, ANonsensicalReplyIsTriedOnceMoreThenSticky) {
  auto fail = [](const std::vector<Tensor>&) -> absl::StatusOr<std::vector<Tensor>> {
    return absl::InternalError("boom");
  };
  auto teacher = test::StartTeacher({}, test::RowModel(), fail);
  auto reader = test::NewReader(test::BatchesOf(1, 4), FixedTeachers({teacher->endpoint()}));
  absl::Status error = ReadToError(*reader);
  EXPECT_EQ(error.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("attempt 2 of 16"), HasSubstr("a retry was answered no better")));
}

TEST(ErrorsSurface, TheServerSpeaksAnotherProtocol) {
  grpc::CallbackGenericService knows_no_method;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&knows_no_method);
  auto server = builder.BuildAndStart();
  auto reader = test::NewReader(test::BatchesOf(1, 4), FixedTeachers({"127.0.0.1:" + std::to_string(port)}));
  absl::Status error = ReadToError(*reader);
  EXPECT_EQ(error.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(error.message(), HasSubstr("every teacher that can be reached refuses; teacher 127.0.0.1:"));
  server->Shutdown();
}

TEST(ErrorsSurface, EveryAttemptFails) {
  auto fail = [](const std::vector<Tensor>&) -> absl::StatusOr<std::vector<Tensor>> {
    return absl::UnavailableError("not today");
  };
  auto teacher = test::StartTeacher({}, test::RowModel(), fail);
  ReaderOptions options = test::RowOptions();
  options.max_attempts = 3;
  auto reader = test::NewReader(test::BatchesOf(1, 4), FixedTeachers({teacher->endpoint()}), options);
  absl::Status error = ReadToError(*reader);
  EXPECT_EQ(error.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("attempt 3 of 3"), HasSubstr("max_attempts is reached")));
}

TEST(ErrorsSurface, CreateSaysWhatIsWrongWithItsArguments) {
  auto create = [](ReaderOptions options, std::vector<std::string> endpoints) {
    return DistillReader::Create(test::BatchesOf(1, 1), FixedTeachers(std::move(endpoints)), options).status();
  };
  const ReaderOptions good = test::RowOptions();
  ReaderOptions options = good;
  options.fields.clear();
  EXPECT_THAT(create(options, {"a:1"}).message(), HasSubstr("fields is empty"));
  options = good;
  options.teacher_batch_rows = 0;
  EXPECT_THAT(create(options, {"a:1"}).message(), HasSubstr("teacher_batch_rows is 0; expected 1 to"));
  options = good;
  options.window = 65;
  EXPECT_THAT(create(options, {"a:1"}).message(), HasSubstr("window is 65; expected 1 to 64"));
  EXPECT_THAT(create(good, {}).message(), HasSubstr("no teacher endpoints"));
  EXPECT_THAT(create(good, {"a:1", "a:1"}).message(), HasSubstr("'a:1' is given twice"));
  EXPECT_THAT(create(good, {"nonsense"}).message(), HasSubstr("'nonsense' is no endpoint; expected host:port"));
  EXPECT_THAT(DistillReader::Create(nullptr, FixedTeachers({"a:1"}), good).status().message(), HasSubstr("source"));
  EXPECT_THAT(DistillReader::Create(test::BatchesOf(1, 1), nullptr, good).status().message(), HasSubstr("teachers"));
}

TEST(ErrorsSurface, ABatchSaysWhichNamesItHas) {
  auto teacher = test::StartTeacher();
  auto reader = test::NewReader(test::BatchesOf(1, 2), FixedTeachers({teacher->endpoint()}));
  auto batch = reader->Next();
  ASSERT_TRUE(batch.ok()) << batch.status();
  try {
    (*batch)->at("image");
    FAIL();
  } catch (const std::out_of_range& e) {
    EXPECT_THAT(e.what(), HasSubstr("no 'image' in a batch of {x, label, score}"));
  }
}

}  // namespace
}  // namespace edl
