#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"
#include "harness/text/bpe.h"
#include "harness/text/json_reader.h"

namespace kvdiff {
namespace {

void read_vocabulary(const nlohmann::json& value, BpeModel& model, std::vector<std::string>& problems) {
  if (!value.is_object()) {
    problems.push_back(fmt::format("model.vocab is {}, expected an object of token: id", json_in_short(value)));
    return;
  }
  std::unordered_map<int64_t, std::string> owner;
  owner.reserve(value.size());
  model.vocabulary.reserve(value.size());
  for (const auto& [token, id_value] : value.items()) {
    const bool whole =
        id_value.is_number_integer() &&
        !(id_value.is_number_unsigned() && id_value.get<uint64_t>() > static_cast<uint64_t>(largest_token_id));
    const int64_t id = whole ? id_value.get<int64_t>() : -1;
    if (id < 0 || id > largest_token_id) {
      problems.push_back(fmt::format("token \"{}\" has the id {}, expected a whole number from 0 to {}", token,
                                     json_in_short(id_value), largest_token_id));
      continue;
    }
    const auto [found, fresh] = owner.emplace(id, token);
    if (!fresh) problems.push_back(fmt::format("id {} belongs to both \"{}\" and \"{}\"", id, found->second, token));
    model.vocabulary.emplace(token, static_cast<int32_t>(id));
  }
}

// In a vocabulary without holes the largest id is one less than the number of tokens.
void check_holes(const BpeModel& model, std::vector<std::string>& problems) {
  std::vector<char> used(model.vocabulary.size(), 0);
  int32_t largest = -1;
  for (const auto& [token, id] : model.vocabulary) {
    largest = std::max(largest, id);
    if (static_cast<size_t>(id) < used.size()) used[static_cast<size_t>(id)] = 1;
  }
  const auto hole = std::find(used.begin(), used.end(), 0);
  if (hole == used.end()) return;
  problems.push_back(
      fmt::format("model.vocab has holes: {} tokens, but ids up to {}; the first id without a token is {}", used.size(),
                  largest, hole - used.begin()));
}

void index_tokens(BpeModel& model) {
  model.tokens.resize(model.vocabulary.size());
  for (const auto& [token, id] : model.vocabulary) model.tokens[static_cast<size_t>(id)] = token;
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto found = model.vocabulary.find(fmt::format("<0x{:02X}>", byte));
    model.byte_tokens[byte] = found == model.vocabulary.end() ? -1 : found->second;
  }
}

// "a b" or ["a", "b"].
std::optional<std::pair<std::string, std::string>> read_pair(const nlohmann::json& value) {
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string()) {
    return std::pair(value[0].get<std::string>(), value[1].get<std::string>());
  }
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) return std::nullopt;
  return std::pair(text.substr(0, space), text.substr(space + 1));
}

void read_merges(const nlohmann::json& value, BpeModel& model, std::vector<std::string>& problems) {
  if (!value.is_array()) {
    problems.push_back(fmt::format("model.merges is {}, expected an array", json_in_short(value)));
    return;
  }
  model.merges = MergeMap(value.size());
  const auto id_of = [&](const std::string& token, size_t rank) {
    const auto found = model.vocabulary.find(token);
    if (found != model.vocabulary.end()) return found->second;
    problems.push_back(fmt::format("merge {} needs the token \"{}\", which is not in the vocabulary", rank, token));
    return -1;
  };
  size_t comments = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_string() && value[i].get_ref<const std::string&>().starts_with("#version")) {
      ++comments;
      continue;
    }
    const size_t rank = i - comments;
    const auto pair = read_pair(value[i]);
    if (!pair) {
      problems.push_back(fmt::format("merge {} is {}, expected \"left right\" or [\"left\", \"right\"]", rank,
                                     json_in_short(value[i])));
      continue;
    }
    const int32_t left = id_of(pair->first, rank), right = id_of(pair->second, rank);
    if (pair->second.size() < model.continuing_prefix.size()) {
      problems.push_back(
          fmt::format("merge {}: \"{}\" is shorter than the continuing_subword_prefix", rank, pair->second));
      continue;
    }
    const int32_t merged = id_of(pair->first + pair->second.substr(model.continuing_prefix.size()), rank);
    if (left >= 0 && right >= 0) model.merges.insert(left, right, {static_cast<uint32_t>(rank), merged});
  }
}

std::string text_or_empty(JsonReader& fields, std::string_view name) {
  fields.ignore(name);
  return fields.has(name) ? fields.text(name) : "";
}

}  // namespace

BpeModel read_bpe(const nlohmann::json& value) {
  JsonReader fields(value, "model");
  fields.ignore("type");
  if (fields.has("type") && fields.text("type") != "BPE") {
    fields.refuse(
        fmt::format("has the type \"{}\", which is not supported (supported: BPE). Give the prompt as token ids",
                    fields.text("type")));
  }
  fields.ignore("dropout");
  if (fields.has("dropout") && fields.field("dropout") != 0.0) {
    fields.refuse(fmt::format("has \"dropout\": {}, which makes ids random and is not supported; set it to null",
                              json_in_short(fields.field("dropout"))));
  }
  BpeModel model;
  fields.ignore("unk_token");
  if (fields.has("unk_token")) model.unknown_token = fields.text("unk_token");
  model.continuing_prefix = text_or_empty(fields, "continuing_subword_prefix");
  model.end_suffix = text_or_empty(fields, "end_of_word_suffix");
  model.fuse_unknown = fields.boolean_or("fuse_unk", false);
  model.byte_fallback = fields.boolean_or("byte_fallback", false);
  model.ignore_merges = fields.boolean_or("ignore_merges", false);
  std::vector<std::string> problems;
  read_vocabulary(fields.field("vocab"), model, problems);
  check_holes(model, problems);
  refuse_if_any(problems);
  index_tokens(model);
  read_merges(fields.field("merges"), model, problems);
  fields.finish();
  refuse_if_any(problems);
  return model;
}

}  // namespace kvdiff
