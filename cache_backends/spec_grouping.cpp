#include <fmt/format.h>

#include <numeric>

#include "cache_backends/registry.h"
#include "cache_backends/spec_explain.h"

namespace kvdiff {
namespace {

int64_t number(const SideSpec& side, const char* key) { return std::stoll(side.values.at(key)); }

// Neighbours in memory: channels of one token and head, if the group divides the head.
std::string runs(int64_t group, int64_t head_size) {
  if (head_size % group == 0) {
    return fmt::format("runs of {} neighbours in memory: channels of one token and head, {} group{} each; a token never "
                       "shares a scale with another", group, head_size / group, head_size == group ? "" : "s");
  }
  if (group % head_size == 0) {
    return fmt::format("runs of {} neighbours in memory: {} consecutive tokens of one head, until the head's end", group,
                       group / head_size);
  }
  return fmt::format("runs of {} neighbours in memory, which heads of {} do not divide: groups straddle tokens", group,
                     head_size);
}

// Strided over everything that is encoded together: N / group apart.
std::string strides(int64_t group, const CacheShape& shape) {
  const auto channels = [&](int64_t tokens) {
    const int64_t elements = shape.batch * shape.heads * tokens * shape.head_size;
    return elements % group != 0 ? int64_t{0} : shape.head_size / std::gcd(elements / group, shape.head_size);
  };
  std::string text = fmt::format(
      "{} elements at equal distances over the whole tensor, all heads, sequences and tokens: not per channel, but for "
      "lengths that happen to divide", group);
  for (const int64_t tokens : {48, 49, 64}) {
    if (channels(tokens) > 0) {
      text += fmt::format("{} {} channel{} a scale at {} tokens", tokens == 48 ? ";" : ",", channels(tokens),
                          channels(tokens) == 1 ? " has" : "s share", tokens);
    }
  }
  return text;
}

std::string hqq_grouping(const SideSpec& side, const CacheShape& shape) {
  const int64_t group = number(side, "group");
  return side.values.at("axis") == "1" ? runs(group, shape.head_size) : strides(group, shape);
}

std::string quanto_grouping(const SideSpec& side, const CacheShape& shape) {
  const int64_t group = number(side, "group");
  if (side.values.at("axis") == "0") return runs(group, shape.head_size);
  return fmt::format("one channel of {} consecutive tokens; a group runs on into the next head where {} does not divide the "
                     "tokens, and transformers raises where it does not divide sequences x heads x tokens", group, group);
}

std::string integer_grouping(const SideSpec& side, const CacheShape& shape) {
  const std::string& per = side.values.at("per");
  if (per == "token-head") return fmt::format("one scale per token and head: its {} channels, neighbours in memory", shape.head_size);
  if (per == "token") return fmt::format("one scale per token: {} heads x {} channels", shape.heads, shape.head_size);
  if (per == "channel") return "one scale per channel of a head, shared by all tokens that are encoded together";
  return "one scale for everything that is encoded together";
}

std::string kivi_grouping(const SideSpec& side, const CacheShape&) {
  return fmt::format("keys: one channel of {0} consecutive tokens of a head, within a flushed block (KIVI demands that {0} "
                     "divide the residual); values: {0} neighbouring channels of one token and head", number(side, "group"));
}

std::string hf_fp8_grouping(const SideSpec&, const CacheShape&) {
  return "everything, for good: the largest value of the first update decides, and what lies beyond it later saturates";
}

std::string fp8_grouping(const SideSpec& side, const CacheShape& shape) {
  if (side.values.at("per") == "token-head") return fmt::format("one token and head: its {} channels", shape.head_size);
  const std::string& scale = side.values.at("scale");
  if (scale == "dynamic") return "everything that is encoded together";
  if (scale == "frozen") return "everything, for good: the largest value of the first block decides";
  return "everything: the scale is 1, whatever the values are";
}

std::string ggml_grouping(const SideSpec&, const CacheShape& shape) {
  return fmt::format("32 neighbouring channels of one token and head, {} blocks each", shape.head_size / 32);
}

struct GroupingRow {
  std::string_view codec;
  std::string (*tell)(const SideSpec& side, const CacheShape& shape);
};
constexpr GroupingRow grouping_rows[] = {
    {"hqq", hqq_grouping}, {"quanto", quanto_grouping}, {"int8", integer_grouping}, {"int4", integer_grouping},
    {"kivi", kivi_grouping}, {"hf-fp8", hf_fp8_grouping}, {"fp8", fp8_grouping}, {"q8_0", ggml_grouping},
    {"q5_1", ggml_grouping}, {"q5_0", ggml_grouping}, {"q4_1", ggml_grouping}, {"q4_0", ggml_grouping},
    {"iq4_nl", ggml_grouping}};

}  // namespace

std::string grouping_of(const SideSpec& side, const CacheShape& shape) {
  for (const GroupingRow& row : grouping_rows) {
    if (row.codec == side.codec) return row.tell(side, shape);
  }
  return "";
}

}  // namespace kvdiff
