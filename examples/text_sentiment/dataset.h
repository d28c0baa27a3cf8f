// SPDX-License-Identifier: Apache-2.0
// Dataset: short snippets of Debian's translated manual pages, each with the language that it is written in.
// Why not sentiment: EDL's own text example tells good reviews from bad ones, in Chinese. Neither they nor its ERNIE
//                    teacher are in Debian, nor is other text with opinions; but there is much in languages that are
//                    easily mixed up. All else is as there: a bag of words learns from a larger network.
// Errors: throws std::runtime_error that says which package is missing, or which file is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace text_sentiment {

// As Debian's packages manpages-da, -de, … name them: five Germanic languages, four Romance ones.
inline const std::vector<std::string> kLanguages = {"da", "de", "es", "fr", "it", "nb", "nl", "pt-br", "sv"};

inline constexpr std::int64_t kUnlabelled = -1;

struct Snippet {
  std::string text;                  // UTF-8, of 16 to 48 bytes, words with one space between them
  std::int64_t label = kUnlabelled;  // its language's place in the list of languages
};

// No page has snippets in two parts, nor have its translations: they name the same options and files. No text is there
// twice.
struct Corpus {
  std::vector<Snippet> teacher;  // what the teacher learns from
  std::vector<Snippet> student;  // what the student has
  std::vector<Snippet> test;
};

// The running text of a page, a paragraph each: without requests, escapes, code and tables.
std::vector<std::string> StripRoff(const std::string& page);

// The paragraph's snippets, as many words each as come to so many bytes. What is hardly made of words is left out.
std::vector<std::string> CutSnippets(const std::string& paragraph);

// Reads the pages that the languages' packages installed; `root` is where Debian is, "/".
Corpus ReadCorpus(const std::filesystem::path& root, const std::vector<std::string>& languages);

// At most so many of each language, without replacement; the same seed draws the same ones, in the same order.
std::vector<Snippet> Draw(const std::vector<Snippet>& snippets, std::int64_t most_of_each, std::uint64_t seed);

// Takes away all labels but those of the first `labelled` snippets of each language.
void HideLabels(std::vector<Snippet>& snippets, std::int64_t labelled);

// FNV-1a (Fowler, Noll and Vo 1991): the same on every machine, unlike std::hash.
std::uint64_t Hash(const char* bytes, std::size_t count);

}  // namespace text_sentiment
