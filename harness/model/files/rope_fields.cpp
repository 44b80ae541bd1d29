#include "harness/model/files/rope_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cache_backends/error.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;

struct RopeTypeRow {
  std::string_view name;
  RopeType type;
  std::vector<std::string_view> fields;  // besides the type's name, rope_theta and partial_rotary_factor
};

const std::vector<RopeTypeRow>& rope_types() {
  static const std::vector<RopeTypeRow> rows = {
      {"default", RopeType::standard, {}},
      {"linear", RopeType::linear, {"factor"}},
      {"dynamic", RopeType::dynamic, {"factor"}},
      {"llama3",
       RopeType::llama3,
       {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}},
      {"yarn",
       RopeType::yarn,
       {"factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow", "mscale",
        "mscale_all_dim", "truncate"}},
  };
  return rows;
}

// A base of 1 would turn every pair alike (and yarn divides by its logarithm); the rest is far beyond any checkpoint
// and keeps every float32 of the tables finite.
constexpr NumberRange theta_range{1.001, 1e18};
constexpr NumberRange factor_range{1e-6, 1e6};

// The parameters' object under whichever name it has; "" for none.
std::string find_parameters(const FieldReader& fields, const json& config, std::vector<std::string>& problems) {
  const json* const scaling = fields.find("rope_scaling");
  const json* const parameters = fields.find("rope_parameters");
  if (scaling != nullptr && parameters != nullptr && *scaling != *parameters) {
    problems.push_back("rope_scaling and rope_parameters differ, expected one of them: remove the other");
  }
  const std::string name = parameters != nullptr ? "rope_parameters" : scaling != nullptr ? "rope_scaling" : "";
  if (name.empty() || config[name].is_object()) return name;
  problems.push_back(fmt::format("{} is {}, expected an object", name, json_type_in_words(config[name])));
  return "";
}

const RopeTypeRow* read_type(FieldReader& fields, std::vector<std::string>& problems) {
  const auto type = fields.text("type");
  const auto rope_type = fields.text("rope_type");
  if (type && rope_type && *type != *rope_type) {
    fields.problem("type", fmt::format("is {} and rope_type is {}, expected one of them", quote_name(*type),
                                       quote_name(*rope_type)));
  }
  const std::string name = rope_type.value_or(type.value_or("default"));
  const auto row = std::find_if(rope_types().begin(), rope_types().end(),
                                [&](const RopeTypeRow& candidate) { return candidate.name == name; });
  if (row != rope_types().end()) return &*row;
  problems.push_back(fmt::format("rope type {} is not supported, expected default, linear, dynamic, llama3 or yarn",
                                 quote_name(name)));
  return nullptr;
}

// A parameter that its type does not use is passed over by today's transformers and was not by others: refused.
void check_names(const json& object, const RopeTypeRow& row, FieldReader& fields) {
  constexpr std::string_view always[] = {"type", "rope_type", "rope_theta", "partial_rotary_factor"};
  for (const auto& [name, value] : object.items()) {
    const bool known = std::find(std::begin(always), std::end(always), name) != std::end(always) ||
                       std::find(row.fields.begin(), row.fields.end(), name) != row.fields.end();
    if (known || value.is_null()) continue;
    fields.problem(quote_name(name),
                   fmt::format("has no meaning for rope type '{}': remove it or correct the type", row.name));
  }
}

void read_theta(FieldReader& top, FieldReader& inner, RopeConfig& rope) {
  const auto outer_theta = top.number("rope_theta", theta_range);
  const auto inner_theta = inner.number("rope_theta", theta_range);
  if (outer_theta && inner_theta && *outer_theta != *inner_theta) {
    top.problem("rope_theta",
                fmt::format("is {}, but {} within the rope parameters: remove one", *outer_theta, *inner_theta));
  }
  // 10000 where neither is there: checkpoints older than the field.
  rope.theta = inner_theta.value_or(outer_theta.value_or(10000.0));
}

// Llama rotates whole heads: transformers passes over a part for `default` and fails for the other types.
void check_rotates_whole_heads(FieldReader& fields) {
  const auto part = fields.number("partial_rotary_factor");
  if (part && *part != 1.0) fields.problem("partial_rotary_factor", "is not 1, and Llama models rotate whole heads");
}

void read_factor(FieldReader& fields, const RopeTypeRow& row, const json& object, ModelConfig& config) {
  if (std::find(row.fields.begin(), row.fields.end(), "factor") == row.fields.end()) return;
  RopeConfig& rope = config.rope;
  // transformers takes yarn's null, but not its absence, for the ratio of the lengths.
  if (row.type == RopeType::yarn && object.contains("factor") && object["factor"].is_null()) {
    rope.factor = static_cast<double>(config.max_positions) / static_cast<double>(rope.original_max_positions);
  } else {
    rope.factor = fields.required_number("factor", factor_range);
  }
}

void read_original_positions(FieldReader& top, FieldReader& inner, ModelConfig& config) {
  const IntegerRange range{1, int64_t{1} << 31};
  const auto outer = top.integer("original_max_position_embeddings", range);
  const auto own = inner.integer("original_max_position_embeddings", range);
  if (outer && own && *outer != *own) {
    top.problem("original_max_position_embeddings",
                fmt::format("is {}, but {} within the rope parameters: remove one", *outer, *own));
  }
  config.rope.original_max_positions = outer.value_or(own.value_or(config.max_positions));
}

void read_llama3(FieldReader& fields, RopeConfig& rope) {
  rope.low_freq_factor = fields.required_number("low_freq_factor", factor_range);
  rope.high_freq_factor = fields.required_number("high_freq_factor", factor_range);
  if (fields.has("low_freq_factor") && fields.has("high_freq_factor") &&
      rope.high_freq_factor <= rope.low_freq_factor) {
    fields.problem("high_freq_factor", "is not above low_freq_factor");
  }
}

void read_yarn(FieldReader& fields, RopeConfig& rope) {
  rope.attention_factor = fields.number("attention_factor", factor_range);
  rope.mscale = fields.number("mscale", {0, 1e6});  // 0 counts as absent, as in the peer
  rope.mscale_all_dim = fields.number("mscale_all_dim", {0, 1e6});
  rope.beta_fast = fields.number("beta_fast", factor_range).value_or(rope.beta_fast);
  rope.beta_slow = fields.number("beta_slow", factor_range).value_or(rope.beta_slow);
  rope.truncate = fields.truth("truncate").value_or(true);
  if (rope.beta_fast < rope.beta_slow) fields.problem("beta_fast", "is below beta_slow");
}

void warn_of_odd_factors(ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  if (rope.factor < 1.0) config.warnings.push_back(fmt::format("the rope factor is {}, below 1", rope.factor));
  if (rope.type != RopeType::yarn) return;
  const double ratio = static_cast<double>(config.max_positions) / static_cast<double>(rope.original_max_positions);
  if (ratio != rope.factor && ratio != 1.0) {
    config.warnings.push_back(
        fmt::format("yarn's factor is {}, but the lengths' ratio is {}: the factor is used, as in "
                    "transformers",
                    rope.factor, ratio));
  }
}

}  // namespace

std::string_view name_of(RopeType type) {
  for (const RopeTypeRow& row : rope_types()) {
    if (row.type == type) return row.name;
  }
  throw InternalError("unknown rope type");
}

void read_rope_fields(const json& config_json, ModelConfig& config, std::vector<std::string>& problems) {
  FieldReader top(config_json, "", problems);
  const std::string name = find_parameters(top, config_json, problems);
  const json object = name.empty() ? json::object() : config_json[name];
  FieldReader inner(object, name.empty() ? "" : name + ".", problems);
  RopeConfig& rope = config.rope;
  rope.max_positions = config.max_positions;
  read_theta(top, inner, rope);
  check_rotates_whole_heads(top);
  check_rotates_whole_heads(inner);
  const RopeTypeRow* const row = read_type(inner, problems);
  if (row == nullptr) return;
  rope.type = row->type;
  check_names(object, *row, inner);
  const bool has_original = row->type == RopeType::llama3 || row->type == RopeType::yarn;
  if (has_original) read_original_positions(top, inner, config);
  if (!has_original && top.has("original_max_position_embeddings")) {
    top.problem("original_max_position_embeddings",
                fmt::format("has no meaning for rope type '{}': remove it", row->name));
  }
  read_factor(inner, *row, object, config);
  if (row->type == RopeType::llama3) read_llama3(inner, rope);
  if (row->type == RopeType::yarn) read_yarn(inner, rope);
  warn_of_odd_factors(config);
  if (row->type == RopeType::dynamic && config.head_size <= 2)
    problems.push_back("rope type 'dynamic' needs a head size above 2");
}

}  // namespace kvdiff
