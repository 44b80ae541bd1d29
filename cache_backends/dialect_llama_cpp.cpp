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
  std::string_view name, dtype;  // dtype: empty for ggml's block formats, which have their names here too
};
constexpr std::array<CacheType, 9> cache_types = {{{"f16", "float16"}, {"bf16", "bfloat16"}, {"f32", "float32"},
                                                   {"q8_0", ""}, {"q4_0", ""}, {"q4_1", ""}, {"iq4_nl", ""},
                                                   {"q5_0", ""}, {"q5_1", ""}}};

constexpr std::string_view block_note =
    "llama.cpp also quantizes q, reads the prompt from the cache (prefill=quantized), and since April 2026 rotates heads "
    "that 64 divides unless LLAMA_ATTN_ROT_DISABLE=1";

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, message); }

std::string side_text(std::string_view flag, std::string_view type) {
  std::vector<std::string_view> names;
  for (const CacheType& known : cache_types) {
    names.push_back(known.name);
    if (known.name != type) continue;
    return known.dtype.empty() ? std::string(type) : fmt::format("full:dtype={}", known.dtype);
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

// Empty: llama.cpp has no such type.
std::string type_of(const SideSpec& side) {
  for (const CacheType& known : cache_types) {
    if (is_full(side) ? known.dtype == side.values.at("dtype") : known.name == side.codec) return std::string(known.name);
  }
  return is_full(side) ? "f16" : "";
}

bool in_model_dtype(const SideSpec& side) { return is_full(side) && side.values.at("dtype") == "model"; }

}  // namespace

Translated from_llama_cpp(std::string_view text) {
  if (text.size() > longest_spec) fail(fmt::format("{} characters; at most {} are read", text.size(), longest_spec));
  const Flags flags = parse_flags(text);
  const std::string key = side_text("-ctk", flags.key.empty() ? "f16" : flags.key);
  const std::string value = side_text("-ctv", flags.value.empty() ? "f16" : flags.value);
  Translated result{parse_cache_spec(fmt::format("k={}/v={}", key, value)), {}};
  result.spec.text = text;
  if (result.spec.lane.schedule != "full") result.notes.emplace_back(block_note);
  return result;
}

DialectForm to_llama_cpp(const CacheSpec& spec) {
  if (!spec.overrides.empty()) return {"", "llama.cpp has one type of keys and one of values for all layers"};
  const SideSpec &key = spec.base.key, &value = spec.base.value;
  for (const SideSpec* side : {&key, &value}) {
    if (type_of(*side).empty()) return {"", fmt::format("llama.cpp has no {} cache", side->codec)};
  }
  const bool encodes = spec.lane.schedule != "full";
  if (encodes && (spec.lane.schedule != "immediate" || spec.lane.residual > 0))
    return {"", "llama.cpp encodes every token when it is written: schedule=immediate,residual=0"};
  std::string note = in_model_dtype(key) || in_model_dtype(value) ? "with a model in float16" : "";
  if (encodes) note += fmt::format("{}{}", note.empty() ? "" : "; ", block_note);
  return {fmt::format("-ctk {} -ctv {}", type_of(key), type_of(value)), note};
}

}  // namespace kvdiff
