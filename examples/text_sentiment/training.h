// SPDX-License-Identifier: Apache-2.0
// Training: the teacher's way through labelled snippets, and the student's through few labels and whatever soft labels
// its batches carry. The settings here are all that the accuracies depend on.
#pragma once

#include "torch/script.h"
#include "torch/torch.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "edl/batch_source.h"
#include "examples/support/progress.h"
#include "examples/text_sentiment/batches.h"

namespace text_sentiment {

// Adam (Kingma and Ba 2015), its rate falling to zero along a line.
struct Schedule {
  std::int64_t epochs;
  std::int64_t batch_rows;
  double peak_rate;
};

struct TeacherRecipe {
  std::int64_t snippets = 4'000;  // of each language, at most
  Schedule schedule{4, 128, 2e-3};
  std::uint64_t seed = 0;
};

// Labels are dear and text is cheap: the student's own are few, and the teachers label all the rest for it.
struct StudentRecipe {
  std::int64_t labelled = 50;  // of each language; the same with teachers and without
  std::int64_t unlabelled = 1'500;
  Schedule schedule{12, 128, 1e-2};
  double alpha = 0.9;  // weight of the soft labels; 1 - alpha: of the hard ones
  double temperature = 2.0;
};

// The mean of a text's n-grams, and a linear layer: a bag of words, and of parts of words.
class StudentImpl : public torch::nn::Module {
 public:
  explicit StudentImpl(std::int64_t classes);
  torch::Tensor forward(const torch::Tensor& ngrams);

  torch::nn::EmbeddingBag bag{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Student);

struct StudentBatch {
  torch::Tensor ngrams;
  torch::Tensor labels;
  torch::Tensor teacher_logits;  // float32 [rows, classes]; undefined: no teacher
};

// The next batch of an epoch, or nothing at its end. Throws when there can be none.
using BatchStream = std::function<std::optional<StudentBatch>()>;
using EpochStreams = std::function<BatchStream(std::int64_t epoch)>;

// The loader's batches as they are: no teacher.
EpochStreams PlainStreams(edl::EpochFunction<edl::Fields> loader);

struct StudentResult {
  double accuracy = 0;             // per cent of the test snippets
  double snippets_per_second = 0;  // from the first batch asked for to the last step
};

// Trains a fresh student, on one thread: it is small, and the teachers want the other cores. Its weights depend on
// recipe, seed and batches alone.
StudentResult TrainStudent(const StudentRecipe& recipe, std::uint64_t seed, std::int64_t classes, std::int64_t steps,
                           const EpochStreams& streams, const std::vector<Snippet>& test,
                           edl_examples::Progress& progress);

torch::jit::Module TrainTeacher(const TeacherRecipe& recipe, std::int64_t classes, const Snippets& snippets);

// Per cent of the teacher's guesses that are right.
double TeacherAccuracy(torch::jit::Module& teacher, const std::vector<Snippet>& test);

// The field as torch has it.
torch::Tensor AsTorch(const edl::Tensor& tensor);

}  // namespace text_sentiment
