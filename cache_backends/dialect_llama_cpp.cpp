#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

struct CacheType {
  std::string_view name, dtype;  // dtype: empty for ggml's block formats
};
constexpr std::array<CacheType, 9> cache_types = {{{"f16", "float16"}, {"bf16", "bfloat16"}, {"f32", "float32"},
                                                   {"q8_0", ""}, {"q4_0", ""}, {"q4_1", ""}, {"iq4_nl", ""},
                                                   {"q5_0", ""}, {"q5_1", ""}}};

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, message); }

std::string side_text(std::string_view flag, std::string_view type) {
  std::vector<std::string_view> names;
  for (const CacheType& known : cache_types) {
    names.push_back(known.name);
    if (known.name != type) continue;
    if (!known.dtype.empty()) return fmt::format("full:dtype={}", known.dtype);
    fail(fmt::format("{} {}: ggml's block formats are not built yet here: expected f16, bf16 or f32", flag, type));
  }
  fail(fmt::format("{} {}: llama.cpp's cache types are {}. Did you mean '{}'?", flag, quoted(type), joined(names),
                   nearest_match(type, names)));
}

struct Flags {
  std::string_view key, value;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words = split(text, ' ');
  std::erase_if(words, [](std::string_view word) { return word.empty(); });
  return words;
}

Flags parse_flags(std::string_view text) {
  const auto words = words_of(text);
  Flags flags;
  for (size_t i = 0; i < words.size(); i += 2) {
    const bool key = words[i] == "-ctk" || words[i] == "--cache-type-k";
    const bool value = words[i] == "-ctv" || words[i] == "--cache-type-v";
    if (!key && !value) {
      fail(fmt::format("{}: expected llama.cpp's -ctk TYPE (--cache-type-k) or -ctv TYPE (--cache-type-v)",
                       quoted(words[i])));
    }
    if (i + 1 == words.size()) fail(fmt::format("{}: its type is missing, as in {} f16", words[i], words[i]));
    std::string_view& place = key ? flags.key : flags.value;
    if (!place.empty()) fail(fmt::format("{} is given twice; keep one", words[i]));
    place = words[i + 1];
  }
  return flags;
}

std::string type_of(const SideSpec& side) {
  if (!is_full(side)) return "";
  for (const CacheType& known : cache_types) {
    if (known.dtype == side.values.at("dtype")) return std::string(known.name);
  }
  return "f16";
}

}  // namespace

Translated from_llama_cpp(std::string_view text) {
  if (text.size() > longest_spec) fail(fmt::format("{} characters; at most {} are read", text.size(), longest_spec));
  const Flags flags = parse_flags(text);
  const std::string key = side_text("-ctk", flags.key.empty() ? "f16" : flags.key);
  const std::string value = side_text("-ctv", flags.value.empty() ? "f16" : flags.value);
  Translated result{parse_cache_spec(fmt::format("k={}/v={}", key, value)), {}};
  result.spec.text = text;
  return result;
}

DialectForm to_llama_cpp(const CacheSpec& spec) {
  if (!spec.overrides.empty()) return {"", "llama.cpp has one type of keys and one of values for all layers"};
  const SideSpec &key = spec.base.key, &value = spec.base.value;
  for (const SideSpec* side : {&key, &value}) {
    if (!is_full(*side)) return {"", fmt::format("llama.cpp has no {} cache", side->codec)};
  }
  const bool model = key.values.at("dtype") == "model" || value.values.at("dtype") == "model";
  return {fmt::format("-ctk {} -ctv {}", type_of(key), type_of(value)), model ? "with a model in float16" : ""};
}

}  // namespace kvdiff
