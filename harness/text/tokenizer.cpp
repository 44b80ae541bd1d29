#include "harness/text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"
#include "harness/text/added_tokens.h"
#include "harness/text/bpe.h"
#include "harness/text/escape.h"
#include "harness/text/json_reader.h"
#include "harness/text/normalizer.h"
#include "harness/text/post_processor.h"
#include "harness/text/pre_tokenizer.h"
#include "harness/text/token_decoder.h"
#include "harness/text/utf8.h"

namespace kvdiff {

struct Tokenizer::Parts {
  BpeModel model;
  Normalizer normalize;
  AddedTokens added;
  PreTokenizer pre_tokenize;
  PostProcessor post_process;
  TokenDecoder decoder;

  // As decoding sees a token: an added token in its normalized form, if it has one.
  const std::string* text_for_decoding(int32_t id) const {
    if (const auto found = added.by_id.find(id); found != added.by_id.end()) return &found->second.pattern;
    const bool known = id >= 0 && static_cast<size_t>(id) < model.tokens.size();
    return known ? &model.tokens[static_cast<size_t>(id)] : nullptr;
  }
};

namespace {

constexpr size_t largest_file = size_t{256} << 20;  // Llama 3's is 9 MB, Gemma 3's 33 MB

void refuse_unless_null(JsonReader& file, const char* name) {
  file.ignore(name);
  if (!file.has(name)) return;
  file.refuse(
      fmt::format("asks for \"{}\", which is not supported: a prompt is neither shortened nor filled up in silence. "
                  "Set it to null (transformers ignores it, too)",
                  name));
}

nlohmann::json field_or_null(JsonReader& file, const char* name) {
  file.ignore(name);
  return file.has(name) ? file.field(name) : nlohmann::json();
}

}  // namespace

Tokenizer Tokenizer::parse(std::string_view text) {
  const nlohmann::json json = parse_strict_json(text, "tokenizer.json");
  JsonReader file(json, "the file");
  file.ignore("version");
  if (file.has("version") && file.text("version") != "1.0") {
    file.refuse(fmt::format("has the version \"{}\", expected \"1.0\"", file.text("version")));
  }
  refuse_unless_null(file, "truncation");
  refuse_unless_null(file, "padding");
  auto parts = std::make_shared<Parts>();
  parts->normalize = make_normalizer(field_or_null(file, "normalizer"));
  parts->pre_tokenize = make_pre_tokenizer(field_or_null(file, "pre_tokenizer"));
  parts->post_process = make_post_processor(field_or_null(file, "post_processor"));
  parts->decoder = make_token_decoder(field_or_null(file, "decoder"));
  parts->model = read_bpe(file.field("model"));
  const auto added = field_or_null(file, "added_tokens");
  parts->added = read_added_tokens(added.is_null() ? nlohmann::json::array() : added, parts->model, parts->normalize);
  file.finish();
  Tokenizer tokenizer(parts);
  for (const int32_t id : parts->post_process({}, true)) {
    if (id < tokenizer.vocabulary_size()) continue;
    throw UserError(ExitCode::input,
                    fmt::format("tokenizer.json: the post_processor adds the id {}, but there are only {} tokens.", id,
                                tokenizer.vocabulary_size()));
  }
  return tokenizer;
}

Tokenizer Tokenizer::load(const std::filesystem::path& tokenizer_json) {
  const std::string text = read_text_file(tokenizer_json, largest_file);
  try {
    return parse(text);
  } catch (const UserError& error) {
    throw UserError(error.code(), fmt::format("{}: {}", tokenizer_json.string(), error.what()));
  }
}

std::vector<int32_t> Tokenizer::encode(std::string_view utf8, bool add_special_tokens) const {
  require_utf8(utf8, "the text");
  std::vector<int32_t> ids;
  std::unordered_map<std::string, std::pair<size_t, size_t>> seen;  // word -> its ids, as a stretch of `ids`
  for (auto& piece : parts_->pre_tokenize(extract_and_normalize(parts_->added, parts_->normalize, utf8))) {
    if (piece.token_id >= 0) {
      ids.push_back(piece.token_id);
      continue;
    }
    const auto [word, fresh] = seen.try_emplace(std::move(piece.text), ids.size(), 0);
    if (fresh) {
      encode_word(parts_->model, word->first, ids);
      word->second.second = ids.size();
    } else {
      for (size_t i = word->second.first; i < word->second.second; ++i) ids.push_back(ids[i]);
    }
  }
  return parts_->post_process(std::move(ids), add_special_tokens);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  StreamDecoder stream(*this, skip_special_tokens);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

int64_t Tokenizer::vocabulary_size() const {
  const auto& added = parts_->added.by_id;
  const auto in_model = static_cast<int64_t>(parts_->model.tokens.size());
  return added.empty() ? in_model : std::max<int64_t>(in_model, added.rbegin()->first + 1);
}

std::optional<int32_t> Tokenizer::id(std::string_view token) const {
  if (const auto found = parts_->added.ids.find(token); found != parts_->added.ids.end()) return found->second;
  const auto found = parts_->model.vocabulary.find(token);
  return found == parts_->model.vocabulary.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> Tokenizer::token(int32_t id) const {
  if (const auto found = parts_->added.by_id.find(id); found != parts_->added.by_id.end()) return found->second.content;
  const std::string* text = parts_->text_for_decoding(id);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

bool Tokenizer::is_special(int32_t id) const {
  const auto found = parts_->added.by_id.find(id);
  return found != parts_->added.by_id.end() && found->second.special;
}

std::string Tokenizer::token_text(int32_t id) const {
  const std::string* text = parts_->text_for_decoding(id);
  if (text == nullptr) return fmt::format("[{}]", id);
  return escape_for_display(token_bytes(id));
}

std::string Tokenizer::token_bytes(int32_t id) const {
  const std::string* text = parts_->text_for_decoding(id);
  return text == nullptr ? "" : bytes_of_token(parts_->decoder, *text);
}

struct StreamDecoder::State {
  Tokenizer tokenizer;
  bool skip_special_tokens;
  DecodeChain chain;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : state_(new State{tokenizer, skip_special_tokens, DecodeChain(tokenizer.parts_->decoder)}) {}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(int32_t id) {
  const auto& parts = *state_->tokenizer.parts_;
  const std::string* text = parts.text_for_decoding(id);
  if (text == nullptr) return {};
  if (state_->skip_special_tokens && parts.added.special_contents.count(*text) > 0) return {};
  return state_->chain.push(*text);
}

std::string StreamDecoder::finish() { return state_->chain.finish(); }

}  // namespace kvdiff
