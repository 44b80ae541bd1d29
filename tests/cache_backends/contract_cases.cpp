#include "tests/cache_backends/contract_cases.h"

#include <fmt/format.h>

#include <array>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

constexpr int64_t head_size = 16;

// One spec per codec, and one more for each choice of each of its keys; groups fit the head.
std::vector<std::string> side_texts() {
  std::vector<std::string> texts;
  for (const CodecRow& row : codecs()) {
    std::string fixed;
    for (const SpecKey& key : spec_keys(row)) {
      if (key.name == "group") fixed = "group=16";
    }
    texts.push_back(fmt::format("{}:{}", row.name, fixed));
    for (const SpecKey& key : spec_keys(row)) {
      for (const std::string& choice : key.choices) {
        if (choice == key.default_value) continue;
        texts.push_back(fmt::format("{}:{}{}{}={}", row.name, fixed, fixed.empty() ? "" : ",", key.name, choice));
      }
    }
  }
  for (std::string& text : texts) {
    if (text.back() == ':') text.pop_back();
  }
  // Choices that mean something only together.
  for (const char* text : {"int8:per=channel,scale=frozen", "int4:per=tensor,scale=frozen,scheme=zero",
                           "int4:per=channel,scale=frozen,scheme=zero", "k=int8:per=channel,scale=frozen/v=int4",
                           "fp8:per=tensor,scale=frozen", "fp8:format=e5m2,per=tensor,scale=dynamic", "quanto:group=48,axis=-1",
                           "kivi:group=5", "k=kivi:group=2/v=q4_0", "k=hf-fp8/v=quanto:group=32"}) {
    texts.emplace_back(text);
  }
  return texts;
}

std::vector<std::string> lane_texts(const std::string& side, int64_t residual) {
  if (side.starts_with("full")) return {side};
  std::vector<std::string> texts;
  for (const ScheduleRow& schedule : schedules()) {
    if (schedule.name == "full") continue;
    const size_t keys = side.find('/');  // what belongs to the lane stands with the keys
    const std::string first = side.substr(0, keys), rest = keys == std::string::npos ? "" : side.substr(keys);
    const std::string separator = first.find(':') == std::string::npos ? ":" : ",";
    const int64_t window = std::min(residual, schedule.largest_residual);
    texts.push_back(fmt::format("{}{}schedule={},residual={}{}", first, separator, schedule.name, window, rest));
  }
  return texts;
}

}  // namespace

std::unique_ptr<KvCache> try_make(const std::string& text, const CacheShape& shape) {
  try {
    return make_cache(parse_cache_spec(text), shape);
  } catch (const UserError& error) {
    REQUIRE(error.code() == ExitCode::usage);
    return nullptr;
  }
}

std::vector<ContractCase> all_cases() {
  std::vector<ContractCase> cases;
  int64_t turn = 0;
  for (const std::string& side : side_texts()) {
    for (const std::string& text : lane_texts(side, 5)) {
      const Dtype dtype = std::array{Dtype::float16, Dtype::float32, Dtype::bfloat16}[static_cast<size_t>(turn++ % 3)];
      // ggml's blocks need 32 channels.
      const int64_t channels = text.find("q4_") == text.npos && text.find("q5_") == text.npos && text.find("q8_") == text.npos ? head_size : 32;
      for (const int64_t batch : {1, 3}) cases.push_back({text, {1, batch, 3, channels, dtype}});
    }
  }
  return cases;
}

}  // namespace kvdiff::test
