// SPDX-License-Identifier: Apache-2.0
#include "examples/text_sentiment/dataset.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <unordered_set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "examples/support/random.h"
#include "zlib.h"

namespace text_sentiment {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kShortest = 16;  // bytes
constexpr std::int64_t kLongest = 48;
constexpr std::int64_t kLongestWanted = 32;  // the word that reaches it may go beyond
constexpr std::uint64_t kDrawStream = 0x4452415700000000u;

std::string ReadGzip(const fs::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (file == nullptr) throw std::runtime_error(path.string() + ": cannot be opened");
  std::string text;
  char buffer[1 << 16];
  int got = 0;
  while ((got = gzread(file.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(got));
  int code = Z_OK;
  const std::string why = gzerror(file.get(), &code);
  if (code == Z_OK) return text;
  throw std::runtime_error(absl::StrCat(path.string(), ": is damaged (", why, "); install its package anew"));
}

// Where the name ends that begins at `at`: X, (XX or [XXX].
std::size_t NameEnd(const std::string& line, std::size_t at) {
  if (at < line.size() && line[at] == '(') return std::min(at + 3, line.size());
  if (at < line.size() && line[at] == '[') return std::min(line.find(']', at), line.size() - 1) + 1;
  return std::min(at + 1, line.size());
}

// Appends what the escape stands for whose backslash is before `at`; gives where it ends.
std::size_t Unescape(const std::string& line, std::size_t at, std::string& text) {
  const char kind = at < line.size() ? line[at] : ' ';
  const std::size_t next = std::min(at + 1, line.size());
  const bool is_string = kind == '*';                    // \*(Aq
  const bool is_character = kind == '(' || kind == '[';  // \(aq, \[bu]
  if (is_string || is_character) {
    const std::size_t end = NameEnd(line, is_string ? next : at);
    const std::string name = absl::AsciiStrToLower(line.substr(at, end - at));
    // An apostrophe is a part of its word; most others are bullets and dashes.
    text += absl::StrContains(name, "aq") || absl::StrContains(name, "cq") ? '\'' : ' ';
    return end;
  }
  switch (kind) {
    case '"':  // a comment
      return line.size();
    case 'f':  // \fB, \f(CW, \s0, \s-1: fonts and sizes
      return NameEnd(line, next);
    case 's':
      return NameEnd(line, next < line.size() && (line[next] == '-' || line[next] == '+') ? next + 1 : next);
    case 'h':  // \h'3': distances
    case 'v':
      return next == line.size() ? next : std::min(line.find(line[next], next + 1), line.size() - 1) + 1;
    case '-':
    case ' ':
      text += kind;
      return next;
    default:  // \&, \/, \:, …: no character
      return next;
  }
}

bool IsLetter(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80;
}

// "und" and "anzeigen." are words; "--help", "0x1f" and "/etc/passwd" are none.
bool IsWord(const std::string& word) {
  const std::size_t letters = word.find_last_not_of(".,;:") + 1;
  return letters >= 2 && std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(letters), IsLetter);
}

// The request that ends what this one begins, when that is no running text: else "".
std::string EndOfBlock(const std::string& request) {
  static const std::map<std::string, std::string> kBlocks = {{"nf", "fi"}, {"EX", "EE"}, {"TS", "TE"},
                                                             {"Bd", "Ed"}, {"de", "."},  {"ig", "."}};
  const auto found = kBlocks.find(request);
  return found == kBlocks.end() ? "" : found->second;
}

// The package's pages, each once: links to another page are left out.
std::vector<fs::path> PagesOf(const fs::path& root, const std::string& package) {
  const fs::path list = root / "var/lib/dpkg/info" / (package + ".list");
  std::ifstream lines(list);
  if (!lines) {
    throw std::runtime_error(absl::StrCat(list.string(), ": cannot be read, so the Debian package ", package,
                                          " is not installed: apt-get install ", package,
                                          ", or leave its language out (--languages)"));
  }
  std::vector<fs::path> pages;
  for (std::string line; std::getline(lines, line);) {
    const fs::path page = root / fs::path(line).relative_path();
    if (page.extension() == ".gz" && fs::is_regular_file(fs::symlink_status(page))) pages.push_back(page);
  }
  if (pages.empty()) {
    throw std::runtime_error(absl::StrCat(
        list.string(),
        ": none of the manual pages that it lists is there. Where dpkg is told to leave them out "
        "(path-exclude in /etc/dpkg/dpkg.cfg.d, as in slim container images), take that away, then apt-get install "
        "--reinstall ",
        package));
  }
  return pages;
}

// Half of the pages are the teacher's and a third the student's. "ls.1" is the same page in all languages.
std::vector<Snippet>& PartOf(const fs::path& page, Corpus& corpus) {
  const std::string name = page.stem();
  const std::uint64_t place = Hash(name.data(), name.size()) % 12;
  return place < 6 ? corpus.teacher : place < 10 ? corpus.student : corpus.test;
}

}  // namespace

std::uint64_t Hash(const char* bytes, std::size_t count) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3u;
  return hash;
}

std::vector<std::string> StripRoff(const std::string& page) {
  std::vector<std::string> paragraphs(1);
  std::string end_of_block;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(page, '\n'))) {
    const bool is_request = !line.empty() && (line[0] == '.' || line[0] == '\'');
    // A line that begins with a space is set as it stands: mostly code.
    const bool is_text = !is_request && end_of_block.empty() && !line.empty() && !absl::ascii_isspace(line[0]);
    if (is_text) {
      std::string& text = paragraphs.back();
      if (!text.empty()) text += ' ';
      for (std::size_t at = 0; at < line.size();) {
        if (line[at] == '\\') {
          at = Unescape(line, at + 1, text);
        } else {
          text += line[at++];
        }
      }
      continue;
    }
    if (!paragraphs.back().empty()) paragraphs.emplace_back();
    if (!is_request) continue;
    const std::string words(absl::StripAsciiWhitespace(line.substr(1)));
    const std::string request = words.substr(0, words.find_first_of(" \t"));
    if (end_of_block.empty()) {
      end_of_block = EndOfBlock(request);
    } else if (request == end_of_block) {
      end_of_block.clear();
    }
  }
  if (paragraphs.back().empty()) paragraphs.pop_back();
  return paragraphs;
}

std::vector<std::string> CutSnippets(const std::string& paragraph) {
  const std::vector<std::string> words = absl::StrSplit(paragraph, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  // Translators leave parts of a page in English.
  if (std::find(words.begin(), words.end(), "the") != words.end()) return {};
  edl_examples::RandomStream random({Hash(paragraph.data(), paragraph.size())});
  std::vector<std::string> snippets;
  std::string snippet;
  int real_words = 0;
  std::int64_t wanted = random.Between(kShortest, kLongestWanted);
  for (const std::string& word : words) {
    absl::StrAppend(&snippet, snippet.empty() ? "" : " ", word);
    real_words += IsWord(word) ? 1 : 0;
    if (static_cast<std::int64_t>(snippet.size()) < wanted) continue;
    if (real_words >= 2 && static_cast<std::int64_t>(snippet.size()) <= kLongest) snippets.push_back(snippet);
    snippet.clear();
    real_words = 0;
    wanted = random.Between(kShortest, kLongestWanted);
  }
  return snippets;
}

Corpus ReadCorpus(const fs::path& root, const std::vector<std::string>& languages) {
  Corpus corpus;
  std::unordered_set<std::string> seen;  // "--help anzeigen" stands on a hundred pages
  for (std::size_t language = 0; language < languages.size(); ++language) {
    const std::string package = "manpages-" + languages[language];
    const std::size_t before[] = {corpus.teacher.size(), corpus.student.size(), corpus.test.size()};
    for (const fs::path& page : PagesOf(root, package)) {
      std::vector<Snippet>& part = PartOf(page, corpus);
      for (const std::string& paragraph : StripRoff(ReadGzip(page))) {
        for (const std::string& text : CutSnippets(paragraph)) {
          if (seen.insert(text).second) part.push_back({text, static_cast<std::int64_t>(language)});
        }
      }
    }
    if (corpus.teacher.size() == before[0] || corpus.student.size() == before[1] || corpus.test.size() == before[2]) {
      throw std::runtime_error(package +
                               ": its pages hold too little text for teacher, student and test to have a part "
                               "each; leave its language out (--languages)");
    }
  }
  return corpus;
}

std::vector<Snippet> Draw(const std::vector<Snippet>& snippets, std::int64_t most_of_each, std::uint64_t seed) {
  std::vector<std::int64_t> order(snippets.size());
  std::iota(order.begin(), order.end(), 0);
  edl_examples::RandomStream random({kDrawStream, seed});
  edl_examples::Shuffle(order, random);
  std::map<std::int64_t, std::int64_t> drawn;
  std::vector<Snippet> chosen;
  for (const std::int64_t index : order) {
    const Snippet& snippet = snippets[static_cast<std::size_t>(index)];
    if (drawn[snippet.label]++ < most_of_each) chosen.push_back(snippet);
  }
  return chosen;
}

void HideLabels(std::vector<Snippet>& snippets, std::int64_t labelled) {
  std::map<std::int64_t, std::int64_t> met;
  for (Snippet& snippet : snippets) {
    if (met[snippet.label]++ >= labelled) snippet.label = kUnlabelled;
  }
}

}  // namespace text_sentiment
