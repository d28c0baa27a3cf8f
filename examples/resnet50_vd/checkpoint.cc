// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/checkpoint.h"

#include <torch/serialize/archive.h>

#include <set>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "examples/resnet50_vd/replace_file.h"
#include "examples/resnet50_vd/weights.h"

namespace resnet {
namespace {

// The lines of `text` that are not in `other`.
std::vector<std::string> LinesNotIn(const std::string& text, const std::string& other) {
  const std::set<std::string> there = absl::StrSplit(other, '\n', absl::SkipEmpty());
  std::vector<std::string> lines;
  for (const auto& line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (there.count(std::string(line)) == 0) lines.emplace_back(line);
  }
  return lines;
}

std::int64_t ReadNumber(torch::serialize::InputArchive& archive, const char* name) {
  c10::IValue value;
  archive.read(name, value);
  return value.toInt();
}

}  // namespace

void SaveCheckpoint(const std::filesystem::path& file, Trainer& trainer, Position next, const std::string& settings) {
  ReplaceFile(file, [&](const std::string& temporary) {
    torch::serialize::OutputArchive archive, model, optimizer;
    trainer.network()->save(model);
    trainer.optimizer().save(optimizer);
    archive.write("model", model);
    archive.write("optimizer", optimizer);
    archive.write("epoch", c10::IValue(next.epoch));
    archive.write("batch", c10::IValue(next.batch));
    archive.write("settings", c10::IValue(settings));
    archive.save_to(temporary);
  });
}

Position LoadCheckpoint(const std::filesystem::path& file, Trainer& trainer, const std::string& settings) {
  torch::serialize::InputArchive archive, optimizer;
  Position next;
  c10::IValue its_settings;
  try {
    archive.load_from(file.string(), trainer.network()->parameters().front().device());
    archive.read("settings", its_settings);
    next = {ReadNumber(archive, "epoch"), ReadNumber(archive, "batch")};
    archive.read("optimizer", optimizer);
  } catch (const std::exception& error) {
    const std::string why = error.what();
    throw std::runtime_error(absl::StrCat(file.string(), " is no checkpoint that a training can go on from: ",
                                          why.substr(0, why.find('\n'))));  // libtorch's go on with a stack trace
  }
  const std::string& theirs = its_settings.toStringRef();
  if (theirs != settings) {
    throw std::runtime_error(absl::StrCat(file.string(), " is of another training. It had\n  ",
                                          absl::StrJoin(LinesNotIn(theirs, settings), "\n  "), "\nand this one has\n  ",
                                          absl::StrJoin(LinesNotIn(settings, theirs), "\n  "),
                                          "\nGive the same settings, or train without --resume"));
  }
  LoadWeights(trainer.network(), file);
  trainer.optimizer().load(optimizer);
  return next;
}

}  // namespace resnet
