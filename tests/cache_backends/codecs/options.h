#pragma once
#include <algorithm>

#include "tests/cache_backends/codecs/inputs.h"

// What the contract tests try of each codec of the registry, on the host and on the device.
namespace kvdiff::test {

using Values = std::map<std::string, std::string>;

struct Option {
  std::string codec;
  Values values;
  std::string name() const {
    std::string text = codec;
    for (const auto& [key, value] : values) text += " " + key + "=" + value;
    return text;
  }
};

// Every choice of every key, one key at a time: a row added to the registry is covered. Then the products that matter.
inline std::vector<Option> options() {
  std::vector<Option> all;
  for (const CodecRow& row : codecs()) {
    if (row.make == nullptr) continue;
    const std::string name(row.name);
    const std::vector<SpecKey> keys = row.keys();
    all.push_back({name, {}});
    for (const SpecKey& key : keys)
      for (const std::string& choice : key.choices) all.push_back({name, {{key.name, choice}}});
  }
  for (const char* bits : {"1", "2", "3", "4", "8"})
    for (const char* solver : {"on", "off"})
      for (const char* group : {"16", "64"})
        all.push_back({"hqq", {{"bits", bits}, {"axis", "1"}, {"solver", solver}, {"group", group}}});
  for (const char* codec : {"int8", "int4"})
    for (const char* per : {"token-head", "token", "channel", "tensor"})
      for (const char* scheme : {"symmetric", "zero"})
        for (const char* round : {"even", "away", "truncate"})
          all.push_back({codec, {{"per", per}, {"scheme", scheme}, {"round", round}}});
  std::erase_if(all, [](const Option& option) { return option.values.contains("scale") && !option.values.contains("per"); });
  for (const char* codec : {"int8", "int4"})
    for (const char* per : {"channel", "tensor"}) all.push_back({codec, {{"per", per}, {"scale", "frozen"}}});
  for (const char* bits : {"2", "4"})
    for (const char* group : {"16", "24", "100"}) {
      all.push_back({"quanto", {{"bits", bits}, {"axis", "0"}, {"group", group}}});
      all.push_back({"quanto", {{"bits", bits}, {"axis", "-1"}, {"group", group}}});
      all.push_back({"kivi", {{"bits", bits}, {"group", group}}});
    }
  for (const char* format : {"e4m3", "e5m2"})
    for (const char* scale : {"dynamic", "frozen", "1"})
      all.push_back({"fp8", {{"format", format}, {"per", "tensor"}, {"scale", scale}}});
  return all;
}

inline const BlockShape shapes[] = {{1, 3, 37, 64}, {1, 1, 1, 128}, {2, 5, 4, 80}, {3, 2, 7, 96}};
inline const Dtype dtypes[] = {Dtype::float16, Dtype::bfloat16, Dtype::float32};

// Shapes that a format cannot hold are refused; what is refused, and how, is tested elsewhere.
inline bool fits(const Option& option, const BlockShape& shape) {
  const CodecRow& row = find_codec(option.codec);
  if (row.peer.starts_with("llama.cpp")) return shape.head_size % 32 == 0;
  if (option.codec != "hqq") return true;
  const auto group = option.values.find("group");
  return shape.elements() % (group == option.values.end() ? 64 : std::stoll(group->second)) == 0;
}

}  // namespace kvdiff::test
