// SPDX-License-Identifier: Apache-2.0
// What the text example's claims rest on: the data and how it is parted, padding, the teacher's file, and the count of
// rows.
#include <torch/script.h>
#include <torch/torch.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "examples/text_sentiment/batches.h"
#include "examples/text_sentiment/dataset.h"
#include "examples/text_sentiment/distillation.h"
#include "examples/text_sentiment/teacher.h"
#include "examples/text_sentiment/training.h"
#include "gmock/gmock.h"

namespace text_sentiment {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A Debian of its own, with the packages that it is given.
class FakeDebian {
 public:
  FakeDebian() : root_(fs::path(::testing::TempDir()) / "edl_text_sentiment_test") {
    fs::remove_all(root_);
    fs::create_directories(root_ / "var/lib/dpkg/info");
  }
  ~FakeDebian() { fs::remove_all(root_); }

  const fs::path& root() const { return root_; }

  // dpkg lists the page, and has installed it.
  fs::path AddPage(const std::string& language, const std::string& name, const std::string& roff) {
    const fs::path page = root_ / ListPage(language, name);
    fs::create_directories(page.parent_path());
    gzFile file = gzopen(page.c_str(), "wb");
    gzwrite(file, roff.data(), static_cast<unsigned>(roff.size()));
    gzclose(file);
    return page;
  }

  // dpkg lists the page, but was told to leave it out.
  std::string ListPage(const std::string& language, const std::string& name) {
    const std::string page = absl::StrCat("usr/share/man/", language, "/man1/", name, ".gz");
    std::ofstream(root_ / absl::StrCat("var/lib/dpkg/info/manpages-", language, ".list"), std::ios::app)
        << "/usr/share/man\n/" << page << "\n";
    return page;
  }

 private:
  const fs::path root_;
};

std::string ComplaintOfReading(const fs::path& root, const std::vector<std::string>& languages) {
  try {
    ReadCorpus(root, languages);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

std::vector<Snippet> SomeSnippets() {
  std::vector<Snippet> snippets;
  for (int i = 0; i < 50; ++i) snippets.push_back({absl::StrCat("nummer ", i, std::string(i % 7, 'x')), i % 2});
  return snippets;
}

torch::Tensor Logits(torch::jit::Module& teacher, const std::vector<Snippet>& snippets,
                     const std::vector<std::int64_t>& indices) {
  const torch::NoGradGuard no_grad;
  const edl::Fields batch = MakeBatch(snippets, indices);
  return teacher.forward({AsTorch(batch[kTokens]), AsTorch(batch[kLengths])}).toTensor();
}

TEST(StripRoff, KeepsRunningTextAndNothingElse) {
  constexpr char kPage[] = R"(.\" Copyright 1999, Somebody
.TH LS 1 "juli 1999"
.SH NAVN
ls \- vis kataloger
.PP
Vis \fBfiler\fP i \fI\,kataloget\/\fP, d\(aqun\h'3'e \*(Aqher\*(Aq
uden \f(CWorden\fR\s-1.\s0\" en kommentar
.nf
kode = 1;
.fi
 ogs\[u00E5] kode
.TS
l l.
a	b
.TE

'br\}
Slut.
)";
  EXPECT_THAT(StripRoff(kPage),
              ElementsAre("ls - vis kataloger", "Vis filer i kataloget, d'une 'her' uden orden.", "Slut."));
}

TEST(StripRoff, SurvivesAnEscapeThatTheLineCutsOff) {
  for (const char* escape :
       {"\\", "\\f", "\\f(", "\\f[x", "\\h", "\\h'", "\\h'1", "\\(", "\\(a", "\\s-", "\\*", "\\*["}) {
    EXPECT_THAT(StripRoff(absl::StrCat("tekst", escape)), ElementsAre(StartsWith("tekst"))) << escape;
  }
}

TEST(CutSnippets, GivesTheParagraphsWordsInOrderAndInPiecesOfTheirSize) {
  const std::string paragraph =
      "Denne side beskriver den udgave af programmet som findes i pakken, og nogle af de tilvalg som den forstår når "
      "den køres af en bruger uden rettigheder.";
  const std::vector<std::string> snippets = CutSnippets(paragraph);
  ASSERT_THAT(snippets, SizeIs(testing::Ge(4U)));
  std::string joined;
  for (const std::string& snippet : snippets) {
    EXPECT_THAT(snippet, SizeIs(testing::AllOf(testing::Ge(16U), Le(48U))));
    absl::StrAppend(&joined, joined.empty() ? "" : " ", snippet);
  }
  EXPECT_THAT(paragraph, StartsWith(joined));
}

TEST(CutSnippets, LeavesOutWhatIsHardlyMadeOfWordsAndWhatIsEnglish) {
  EXPECT_THAT(CutSnippets("--help --version 0x1f 0x20 /etc/passwd /etc/group -x -y -z 12345 67890"), IsEmpty());
  EXPECT_THAT(CutSnippets("Displays the names of files and of directories, one each line, and their sizes"), IsEmpty());
  EXPECT_THAT(CutSnippets("en https://www.example.org/a/very/long/address/that/is/no/word/at/all.html og"), IsEmpty());
}

TEST(Corpus, HasNoPageInTwoPartsInWhateverLanguage) {
  FakeDebian debian;
  std::set<std::string> pages;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string page = absl::StrCat("page", std::string(2, letter));
    pages.insert(page);
    for (const char* language : {"xa", "xb"}) {
      std::string text;
      for (int i = 0; i < 9; ++i) absl::StrAppend(&text, page, " ", std::string(1, language[1]), "tekst ");
      debian.AddPage(language, page + ".1", ".TH X 1\n" + text + "\n");
    }
  }
  const Corpus corpus = ReadCorpus(debian.root(), {"xa", "xb"});
  std::map<std::string, std::set<const void*>> parts_of;
  for (const std::vector<Snippet>* part : {&corpus.teacher, &corpus.student, &corpus.test}) {
    std::set<std::int64_t> languages;
    for (const Snippet& snippet : *part) {
      parts_of[snippet.text.substr(snippet.text.find("page"), 6)].insert(part);
      EXPECT_TRUE(absl::StrContains(snippet.text, snippet.label == 0 ? "atekst" : "btekst")) << snippet.text;
      languages.insert(snippet.label);
    }
    EXPECT_THAT(languages, ElementsAre(0, 1));
  }
  std::set<std::string> found;
  for (const auto& entry : parts_of) {
    found.insert(entry.first);
    EXPECT_THAT(entry.second, SizeIs(1)) << entry.first;
  }
  EXPECT_EQ(found, pages);
}

TEST(Corpus, HoldsNoTextTwice) {
  const Corpus corpus = ReadCorpus("/", {"da", "nb"});
  std::set<std::string> texts;
  for (const std::vector<Snippet>* part : {&corpus.teacher, &corpus.student, &corpus.test}) {
    EXPECT_THAT(*part, SizeIs(testing::Ge(500U)));
    for (const Snippet& snippet : *part) EXPECT_TRUE(texts.insert(snippet.text).second) << snippet.text;
  }
}

TEST(Corpus, SaysWhatToDoAboutAPackageThatIsMissingOrLeftOutOrDamaged) {
  FakeDebian debian;
  EXPECT_THAT(ComplaintOfReading(debian.root(), {"da"}), HasSubstr("apt-get install manpages-da"));
  debian.ListPage("nb", "ls.1");
  EXPECT_THAT(ComplaintOfReading(debian.root(), {"nb"}),
              testing::AllOf(HasSubstr("path-exclude"), HasSubstr("--reinstall manpages-nb")));
  debian.AddPage("sv", "ls.1", "Bara en enda sida med mycket lite text, och inget mer\n");
  EXPECT_THAT(ComplaintOfReading(debian.root(), {"sv"}), HasSubstr("manpages-sv: its pages hold too little text"));
  std::string noise;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&noise, i * i, "\n");
  const fs::path page = debian.AddPage("nl", "ls.1", noise);
  fs::resize_file(page, fs::file_size(page) / 2);
  EXPECT_THAT(ComplaintOfReading(debian.root(), {"nl"}), HasSubstr("nl/man1/ls.1.gz: is damaged"));
}

TEST(Draw, TakesAsManyOfEachLanguageAndFollowsItsSeed) {
  auto texts = [](const std::vector<Snippet>& snippets) {
    std::vector<std::string> all;
    for (const Snippet& snippet : snippets) all.push_back(snippet.text);
    return all;
  };
  const std::vector<Snippet> all = SomeSnippets();
  const std::vector<Snippet> drawn = Draw(all, 10, 1);
  std::map<std::int64_t, int> of_language;
  for (const Snippet& snippet : drawn) ++of_language[snippet.label];
  EXPECT_THAT(of_language, ElementsAre(testing::Pair(0, 10), testing::Pair(1, 10)));
  EXPECT_EQ(texts(drawn), texts(Draw(all, 10, 1)));
  EXPECT_NE(texts(drawn), texts(Draw(all, 10, 2)));
  const std::vector<std::string> whole = texts(Draw(all, 1000, 1));
  EXPECT_EQ(std::set<std::string>(whole.begin(), whole.end()).size(), all.size());
}

TEST(HideLabels, LeavesSoManyOfEachLanguage) {
  std::vector<Snippet> snippets = SomeSnippets();
  HideLabels(snippets, 3);
  std::map<std::int64_t, int> of_label;
  for (const Snippet& snippet : snippets) ++of_label[snippet.label];
  EXPECT_THAT(of_label, ElementsAre(testing::Pair(kUnlabelled, 44), testing::Pair(0, 3), testing::Pair(1, 3)));
}

TEST(Batch, IsPaddedToItsOwnLongestText) {
  const std::vector<Snippet> snippets = {{"ab", 1}, {"b\xc3\xa6", 0}, {"abcdef", 1}};
  const edl::Fields batch = MakeBatch(snippets, {1, 0});
  EXPECT_TRUE(torch::equal(AsTorch(batch[kTokens]), torch::tensor({{98, 0xc3, 0xa6}, {97, 98, 0}}, torch::kInt32)));
  EXPECT_TRUE(torch::equal(AsTorch(batch[kLengths]), torch::tensor({3, 2}, torch::kInt32)));
  EXPECT_TRUE(torch::equal(AsTorch(batch[kLabel]), torch::tensor({0, 1}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(AsTorch(batch[kIndex]), torch::tensor({1, 0}, torch::kInt64)));
  // Of " bæ ": 5 bytes, 4 pairs, 3 triples; of " ab ": 4, 3 and 2.
  const torch::Tensor ngrams = AsTorch(batch[kNgrams]);
  EXPECT_EQ(ngrams.sizes(), (torch::IntArrayRef{2, 12}));
  EXPECT_TRUE(torch::equal(ngrams.gt(0).sum(1), torch::tensor({12, 9}, torch::kInt64)));
  EXPECT_LT(ngrams.max().item<std::int64_t>(), kNgramBuckets);
  EXPECT_EQ(MakeBatch(snippets, {2, 0})[kTokens].shape(), (edl::Shape{2, 6}));
}

TEST(Batches, GiveEachSnippetOnceAnEpochInAnotherOrderEachTime) {
  const auto snippets = std::make_shared<const std::vector<Snippet>>(SomeSnippets());
  auto order_of = [&](std::uint64_t seed, std::int64_t epoch) {
    std::vector<std::int64_t> order;
    std::int64_t batches = 0;
    const auto next = MakeBatches(snippets, 16, seed)(epoch);
    while (auto fields = next().value()) {
      const edl::Tensor& index = (*fields)[kIndex];
      order.insert(order.end(), index.data_as<std::int64_t>(), index.data_as<std::int64_t>() + index.rows());
      ++batches;
    }
    EXPECT_EQ(batches, BatchCount(*snippets, 16));
    return order;
  };
  const std::vector<std::int64_t> first = order_of(1, 0);
  EXPECT_THAT(first, SizeIs(50));
  EXPECT_EQ(std::set<std::int64_t>(first.begin(), first.end()).size(), 50U);
  EXPECT_EQ(first, order_of(1, 0));
  EXPECT_NE(first, order_of(1, 1));
  EXPECT_NE(first, order_of(2, 0));
}

TEST(Teacher, GivesATextTheSameLogitsHoweverLongItsBatchIs) {
  torch::manual_seed(7);
  torch::jit::Module teacher = NewTeacher(3);
  const std::vector<Snippet> snippets = {{"kort tekst"}, {"en tekst som er meget l\xc3\xa6ngere end den anden"}, {"x"}};
  const torch::Tensor together = Logits(teacher, snippets, {0, 1, 2});
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(torch::allclose(Logits(teacher, snippets, {i})[0], together[i], 1e-4, 1e-5)) << i;
  }
  EXPECT_FALSE(torch::allclose(together[0], together[2], 1e-2, 1e-2));
}

TEST(Teacher, IsServedAsItWasTrained) {
  const fs::path file = fs::path(::testing::TempDir()) / "edl_text_teacher.pt";
  torch::manual_seed(7);
  torch::jit::Module teacher = NewTeacher(2);
  SaveTeacher(teacher, 2, file);
  torch::jit::Module served = torch::jit::load(file.string());
  EXPECT_TRUE(torch::equal(Logits(served, SomeSnippets(), {1, 2, 3}), Logits(teacher, SomeSnippets(), {1, 2, 3})));
  fs::remove(file);
  fs::remove(file.string() + ".json");
}

TEST(Student, LearnsFromSoftLabelsWhatItHasNoLabelsOf) {
  std::vector<Snippet> known = SomeSnippets();
  for (Snippet& snippet : known) snippet.label = absl::StrContains(snippet.text, "xxx") ? 1 : 0;
  std::vector<Snippet> unlabelled = known;
  HideLabels(unlabelled, 0);
  StudentRecipe recipe;
  recipe.schedule = {20, 10, 3e-2};
  auto accuracy = [&](bool taught) {
    const EpochStreams plain =
        PlainStreams(MakeBatches(std::make_shared<const std::vector<Snippet>>(unlabelled), 10, 1));
    const EpochStreams answers = PlainStreams(MakeBatches(std::make_shared<const std::vector<Snippet>>(known), 10, 1));
    const EpochStreams streams = [&](std::int64_t epoch) -> BatchStream {
      return [taught, next = plain(epoch), next_answer = answers(epoch)] {
        std::optional<StudentBatch> batch = next();
        const std::optional<StudentBatch> answer = next_answer();
        if (batch && taught) batch->teacher_logits = 5 * torch::one_hot(answer->labels, 2).to(torch::kFloat32);
        return batch;
      };
    };
    edl_examples::Progress progress("a student", recipe.schedule.epochs, "epoch");
    return TrainStudent(recipe, 1, 2, 100, streams, known, progress).accuracy;
  };
  EXPECT_GT(accuracy(true), 95);
  EXPECT_LT(accuracy(false), 80);
}

// The example says "no row was lost": this count has to be able to say otherwise.
TEST(RowCount, FindsWhatIsLostAndWhatIsDoubled) {
  RowCount rows;
  rows.Add({1, 1, 1});
  EXPECT_EQ(rows.lost, 0);
  EXPECT_EQ(rows.doubled, 0);
  rows.Add({1, 0, 3});
  rows.Add({2, 1, 0});  // a row of one epoch does not stand in for that of another
  EXPECT_EQ(rows.lost, 2);
  EXPECT_EQ(rows.doubled, 3);
}

}  // namespace
}  // namespace text_sentiment
