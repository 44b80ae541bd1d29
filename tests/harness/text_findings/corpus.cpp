#include "tests/harness/text_findings/corpus.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace kvdiff::test {
namespace {

using nlohmann::json;

// Of all sets: NAME.jsonl, NAME.fresh.jsonl, NAME.more.jsonl, NAME.blind.jsonl, NAME.blind2.jsonl, NAME.blind3.jsonl, NAME.blind4.jsonl.
std::vector<json> lines_of(const std::string& name) {
  std::vector<json> lines;
  for (const std::string set : {"", ".fresh", ".more", ".blind", ".blind2", ".blind3", ".blind4"}) {
    std::ifstream file(std::string(KVDIFF_SOURCE_DIR) + "/tests/harness/text_findings/corpus/" + name + set + ".jsonl");
    for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  }
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

CorpusText text_of(const json& line) {
  CorpusText text{line.at("tokens"), pieces_of(line.at("pieces")), {}, line.at("ended")};
  for (const json& nll : line.at("nll")) text.nll.push_back(nll.get<double>() / 100);
  return text;
}

std::vector<std::pair<std::string, int64_t>> kinds_of(const json& list) {
  std::vector<std::pair<std::string, int64_t>> kinds;
  for (const json& kind : list) kinds.emplace_back(kind.at("kind"), kind.at("onset"));
  return kinds;
}

}  // namespace

std::vector<LabelledText> read_corpus() {
  std::map<std::string, std::string> prompts;
  std::map<std::string, json> lines;
  for (const json& line : lines_of("texts")) {
    if (line.contains("id")) lines.emplace(line.at("id"), line);
    else
      for (const std::string& piece : pieces_of(line.at("pieces"))) prompts[line.at("prompt")] += piece;
  }
  std::vector<LabelledText> all;
  for (const json& label : lines_of("labels")) {
    const json& line = lines.at(label.at("id"));
    const std::string prompt = line.at("prompt");
    LabelledText one{label.at("id"), label.at("half"), prompt, prompts.at(prompt), {}, {}, text_of(line), text_of(lines.at(prompt + " reference"))};
    one.right = kinds_of(label.at("right"));
    for (const json& stretch : label.at("alone")) one.alone.push_back(kinds_of(stretch));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace kvdiff::test
