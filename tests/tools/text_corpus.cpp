// kvdiff_text_corpus MODEL [THREADS] < JOB: what tests/harness/text_findings/corpus/make_texts.py asks of the reference.
// JOB: {"prompt": [ids], "texts": [{"tokens": [ids]} | {"parts": [...]}]}; a part is a text, or a list of token ids, or
// {"bytes": "fffe"}, which become one token each. Prints {"prompt": [pieces], "texts": [{"tokens", "pieces", "nll"}]}:
// nll in hundredths of a nat. A piece that is no UTF-8 by itself is a list of bytes.
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "harness/run/text_scores.h"
#include "harness/text/text_model.h"
#include "harness/text_findings/utf8.h"

namespace {

using namespace kvdiff;
using nlohmann::json;
using Ids = std::vector<int32_t>;

json piece_of(const Tokenizer& tokenizer, int32_t token) {
  const std::string bytes = tokenizer.is_special(token) ? "" : tokenizer.token_bytes(token);
  if (!first_invalid_utf8(bytes, false)) return bytes;
  json list = json::array();
  for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
  return list;
}

json pieces_of(const Tokenizer& tokenizer, const Ids& tokens) {
  json list = json::array();
  for (const int32_t token : tokens) list.push_back(piece_of(tokenizer, token));
  return list;
}

Ids tokens_of_bytes(const Tokenizer& tokenizer, const std::string& hex) {
  std::map<std::string, int32_t> by_byte;
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id)
    if (const std::string bytes = tokenizer.token_bytes(id); bytes.size() == 1) by_byte.emplace(bytes, id);
  Ids tokens;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto token = by_byte.find(std::string(1, static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16))));
    if (token == by_byte.end()) throw UserError(ExitCode::input, fmt::format("the vocabulary has no token for the byte {}", hex.substr(i, 2)));
    tokens.push_back(token->second);
  }
  return tokens;
}

Ids tokens_of(const Tokenizer& tokenizer, const json& text) {
  if (text.contains("tokens")) return text.at("tokens").get<Ids>();
  Ids tokens;
  for (const json& part : text.at("parts")) {
    const Ids more = part.is_string()  ? tokenizer.encode(part.get<std::string>(), false)
                     : part.is_array() ? part.get<Ids>()
                                       : tokens_of_bytes(tokenizer, part.at("bytes").get<std::string>());
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

json run(const std::string& name, int threads, const json& job) {
  const ModelFiles files = open_model(resolve_model(name));
  const TextModel text = load_text_model(files.folder);
  ThreadPool pool(threads);
  const auto model = make_model(files.config, files.weights, {Dtype::float16, false}, pool);
  Engine engine(*model, pool);
  const CacheShape shape = model->shape().cache();
  Stream stream(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
  const Ids prompt = job.at("prompt").get<Ids>();
  prefill(engine, stream, prompt, 0);
  std::vector<Ids> texts;
  for (const json& one : job.at("texts")) texts.push_back(tokens_of(text.tokenizer, one));
  const auto scores = score_texts(engine, stream, prompt, texts);
  json result = {{"prompt", pieces_of(text.tokenizer, prompt)}, {"texts", json::array()}};
  for (size_t i = 0; i < texts.size(); ++i) {
    json nll = json::array();
    for (const double nats : scores[i]) nll.push_back(std::lround(100 * nats));
    result["texts"].push_back({{"tokens", texts[i]}, {"pieces", pieces_of(text.tokenizer, texts[i])}, {"nll", nll}});
  }
  return result;
}

}  // namespace

int main(int count, char** words) try {
  if (count < 2) return 2;
  json job;
  std::cin >> job;
  std::cout << run(words[1], count > 2 ? std::atoi(words[2]) : 2, job).dump() << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
