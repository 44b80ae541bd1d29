#include "harness/text/token_decoder.h"

#include <fmt/format.h>

#include "harness/text/decode_steps.h"
#include "harness/text/json_reader.h"
#include "harness/text/metaspace.h"
#include "harness/text/pattern.h"

namespace kvdiff {
namespace {

template <typename Step>
TokenDecoder plain() {
  return [](DecodeSteps& steps) { steps.push_back(std::make_unique<Step>()); };
}

TokenDecoder make_byte_level(JsonReader& fields, Nesting&) {
  for (const char* encoding_only : {"add_prefix_space", "trim_offsets", "use_regex"}) fields.ignore(encoding_only);
  return plain<ByteLevelStep>();
}

TokenDecoder make_byte_fallback(JsonReader&, Nesting&) { return plain<ByteFallbackStep>(); }
TokenDecoder make_fuse(JsonReader&, Nesting&) { return plain<FuseStep>(); }

TokenDecoder make_bpe(JsonReader& fields, Nesting&) {
  const std::string suffix = fields.text("suffix");
  if (suffix.empty()) fields.refuse("has an empty \"suffix\"");
  return [suffix](DecodeSteps& steps) { steps.push_back(std::make_unique<SuffixStep>(suffix)); };
}

TokenDecoder make_replace(JsonReader& fields, Nesting&) {
  return [find = read_pattern(fields, "pattern"), content = fields.text("content")](DecodeSteps& steps) {
    steps.push_back(std::make_unique<ReplaceStep>(find, content));
  };
}

TokenDecoder make_strip(JsonReader& fields, Nesting&) {
  const std::string content = read_character(fields, "content");
  const auto start = static_cast<size_t>(fields.whole_number("start", 0, INT32_MAX));
  const auto stop = static_cast<size_t>(fields.whole_number("stop", 0, INT32_MAX));
  return [content, start, stop](DecodeSteps& steps) {
    steps.push_back(std::make_unique<StripStep>(content, start, stop));
  };
}

TokenDecoder make_metaspace(JsonReader& fields, Nesting&) {
  const Metaspace metaspace = read_metaspace(fields);
  return [metaspace](DecodeSteps& steps) {
    steps.push_back(
        std::make_unique<MetaspaceStep>(metaspace.replacement, metaspace.prepend != Metaspace::Prepend::never));
  };
}

TokenDecoder make_sequence(JsonReader& fields, Nesting& nesting);

constexpr ComponentRow<TokenDecoder> rows[] = {
    {"ByteLevel", make_byte_level},
    {"ByteFallback", make_byte_fallback},
    {"Fuse", make_fuse},
    {"Replace", make_replace},
    {"Strip", make_strip},
    {"Metaspace", make_metaspace},
    {"BPEDecoder", make_bpe},
    {"Sequence", make_sequence},
};

TokenDecoder make_sequence(JsonReader& fields, Nesting& nesting) {
  std::vector<TokenDecoder> parts;
  for (const auto& part : fields.array("decoders")) {
    const auto place = fmt::format("{}.decoders[{}]", fields.place(), parts.size());
    parts.push_back(make_component<TokenDecoder>(part, place, rows, nesting));
  }
  return [parts = std::move(parts)](DecodeSteps& steps) {
    for (const auto& part : parts) part(steps);
  };
}

}  // namespace

TokenDecoder make_token_decoder(const nlohmann::json& value) {
  if (value.is_null()) return plain<JoinStep>();
  Nesting nesting;
  return make_component<TokenDecoder>(value, "decoder", rows, nesting);
}

void DecodeChain::pass(size_t step, std::string_view stretch, bool ends_token, std::string& out) {
  if (step == steps_.size()) {
    out += stretch;
    return;
  }
  steps_[step]->push(stretch, ends_token, [&](std::string_view next, bool ends) { pass(step + 1, next, ends, out); });
}

std::string DecodeChain::push(std::string_view token) {
  std::string out;
  pass(0, token, true, out);
  return out;
}

std::string DecodeChain::finish() {
  std::string out;
  for (size_t step = 0; step < steps_.size(); ++step) {
    steps_[step]->finish([&](std::string_view next, bool ends) { pass(step + 1, next, ends, out); });
  }
  return out;
}

}  // namespace kvdiff
