#include "harness/text/post_processor.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "harness/text/json_reader.h"
#include "harness/text/vocabulary.h"

namespace kvdiff {
namespace {

PostProcessor make_byte_level(JsonReader& fields, Nesting&) {
  for (const char* offsets_only : {"add_prefix_space", "trim_offsets", "use_regex"}) fields.ignore(offsets_only);
  return [](std::vector<int32_t> ids, bool) { return ids; };
}

using SpecialTokens = std::map<std::string, std::vector<int32_t>>;

SpecialTokens read_special_tokens(JsonReader& fields) {
  JsonReader tokens(fields.field("special_tokens"), fields.place() + ".special_tokens");
  SpecialTokens out;
  for (const auto& [name, value] : fields.field("special_tokens").items()) {
    JsonReader token(value, fmt::format("{}.special_tokens[\"{}\"]", fields.place(), name));
    token.ignore("id");
    token.ignore("tokens");
    for (const auto& id : token.array("ids")) {
      const nlohmann::json boxed = {{"ids", id}};
      JsonReader one(boxed, token.place());
      out[name].push_back(static_cast<int32_t>(one.whole_number("ids", 0, largest_token_id)));
    }
    token.finish();
  }
  return out;
}

struct TemplatePart {
  bool is_text = false;
  std::vector<int32_t> ids;
};

TemplatePart read_part(const nlohmann::json& value, const SpecialTokens& tokens, const std::string& place) {
  JsonReader part(value, place);
  const bool is_text = part.has("Sequence");
  const char* kind = is_text ? "Sequence" : "SpecialToken";
  JsonReader inner(part.field(kind), fmt::format("{}.{}", place, kind));
  const std::string id = inner.text("id");
  inner.ignore("type_id");
  inner.finish();
  part.finish();
  if (is_text && id != "A") inner.refuse(fmt::format("has the id \"{}\", expected \"A\": there is only one text", id));
  if (is_text) return {true, {}};
  const auto found = tokens.find(id);
  if (found == tokens.end()) inner.refuse(fmt::format("names \"{}\", which is not among the special_tokens", id));
  return {false, found->second};
}

PostProcessor make_template(JsonReader& fields, Nesting&) {
  const SpecialTokens tokens = read_special_tokens(fields);
  fields.ignore("pair");
  std::vector<TemplatePart> parts;
  for (const auto& part : fields.array("single")) {
    parts.push_back(read_part(part, tokens, fmt::format("{}.single[{}]", fields.place(), parts.size())));
  }
  return [parts = std::move(parts)](const std::vector<int32_t>& ids, bool add_special_tokens) {
    std::vector<int32_t> out;
    for (const auto& part : parts) {
      if (part.is_text) out.insert(out.end(), ids.begin(), ids.end());
      if (!part.is_text && add_special_tokens) out.insert(out.end(), part.ids.begin(), part.ids.end());
    }
    return out;
  };
}

PostProcessor make_sequence(JsonReader& fields, Nesting& nesting);

constexpr ComponentRow<PostProcessor> rows[] = {
    {"ByteLevel", make_byte_level},
    {"TemplateProcessing", make_template},
    {"Sequence", make_sequence},
};

PostProcessor make_sequence(JsonReader& fields, Nesting& nesting) {
  std::vector<PostProcessor> steps;
  for (const auto& step : fields.array("processors")) {
    const auto place = fmt::format("{}.processors[{}]", fields.place(), steps.size());
    steps.push_back(make_component<PostProcessor>(step, place, rows, nesting));
  }
  return [steps = std::move(steps)](std::vector<int32_t> ids, bool add_special_tokens) {
    for (const auto& step : steps) ids = step(std::move(ids), add_special_tokens);
    return ids;
  };
}

}  // namespace

PostProcessor make_post_processor(const nlohmann::json& value) {
  if (value.is_null()) return [](std::vector<int32_t> ids, bool) { return ids; };
  Nesting nesting;
  return make_component<PostProcessor>(value, "post_processor", rows, nesting);
}

}  // namespace kvdiff
