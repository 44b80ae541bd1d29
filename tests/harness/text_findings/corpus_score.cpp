#include "tests/harness/text_findings/corpus_score.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace kvdiff::test {
namespace {

using nlohmann::json;

constexpr int64_t onset_tolerance = 8;

struct Text {
  std::vector<int32_t> tokens;
  std::vector<std::string> pieces;
  std::vector<double> nll;
  std::string prompt;
  bool ended = false;
  GeneratedText generated() const { return {tokens, pieces, ended, nll}; }
};

struct Corpus {
  std::map<std::string, std::string> prompts;
  std::map<std::string, Text> texts;
};

std::vector<json> lines_of(const std::string& name) {
  std::ifstream file(std::string(KVDIFF_SOURCE_DIR) + "/tests/harness/text_findings/corpus/" + name);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

std::vector<std::string> pieces_of(const json& list) {
  std::vector<std::string> pieces;
  for (const json& piece : list) {
    if (piece.is_string()) pieces.push_back(piece.get<std::string>());
    else {
      pieces.emplace_back();
      for (const json& byte : piece) pieces.back() += static_cast<char>(byte.get<int>());
    }
  }
  return pieces;
}

Corpus read_corpus() {
  Corpus corpus;
  std::vector<json> lines = lines_of("texts.jsonl");
  for (json& line : lines_of("texts.fresh.jsonl")) lines.push_back(std::move(line));
  for (const json& line : lines) {
    if (!line.contains("id")) {
      std::string& prompt = corpus.prompts[line.at("prompt")];
      for (const std::string& piece : pieces_of(line.at("pieces"))) prompt += piece;
      continue;
    }
    Text text{line.at("tokens"), pieces_of(line.at("pieces")), {}, line.at("prompt"), line.at("ended")};
    for (const json& nll : line.at("nll")) text.nll.push_back(nll.get<double>() / 100);
    corpus.texts.emplace(line.at("id"), std::move(text));
  }
  return corpus;
}

}  // namespace

bool Judged::kind_right() const {
  return std::any_of(right.begin(), right.end(), [&](const auto& one) { return one.first == name_of(found.kind); });
}

bool Judged::first_choice() const { return right[0].first == name_of(found.kind); }

bool Judged::onset_right(int64_t within) const {
  return std::any_of(right.begin(), right.end(), [&](const auto& one) {
    return one.first == name_of(found.kind) && std::abs(found.onset - one.second) <= within;
  });
}

std::vector<Judged> judge_corpus(const GibberishRules& rules) {
  const Corpus corpus = read_corpus();
  std::vector<Judged> all;
  std::vector<json> labels = lines_of("labels.jsonl");
  for (json& label : lines_of("labels.fresh.jsonl")) labels.push_back(std::move(label));
  for (const json& label : labels) {
    Judged judged{label.at("id"), label.at("half"), {}, {}};
    for (const json& one : label.at("right")) judged.right.emplace_back(one.at("kind"), one.at("onset"));
    const Text& text = corpus.texts.at(judged.id);
    const std::string& prompt = corpus.prompts.at(text.prompt);
    const std::string reference = text.prompt + " reference";
    judged.found = judged.id == reference
                       ? find_gibberish(text.generated(), prompt, rules)
                       : detect_gibberish(corpus.texts.at(reference).generated(), text.generated(), prompt, rules);
    all.push_back(std::move(judged));
  }
  return all;
}

CorpusScore score_of(const std::vector<Judged>& judged, const std::string& half) {
  CorpusScore score;
  for (const Judged& one : judged) {
    if (one.half != half) continue;
    ++score.texts;
    ++score.confusion[one.right[0].first][std::string(name_of(one.found.kind))];
    score.right += one.kind_right();
    score.first_choice += one.first_choice();
    if (!one.kind_right() || one.found.onset < 0) continue;
    ++score.found;
    score.onset_right += one.onset_right(onset_tolerance);
  }
  return score;
}

}  // namespace kvdiff::test
