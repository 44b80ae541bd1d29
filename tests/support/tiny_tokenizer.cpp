#include "tests/support/tiny_tokenizer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kvdiff::test {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> special_tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};

constexpr std::string_view merges[][2] = {
    {"e", "r"},  {"Ġ", "t"},  {"Ġ", "a"},  {"i", "n"}, {"e", "s"}, {"Ġ", "s"},   {"Ġ", "o"},   {"i", "t"},  {"r", "e"},
    {"Ġ", "c"},  {"e", "n"},  {"a", "t"},  {"h", "e"}, {"Ġ", "f"}, {"o", "r"},   {"o", "n"},   {"Ġ", "b"},  {"Ġ", "m"},
    {"e", "d"},  {"Ġ", "p"},  {"Ġ", ","},  {"Ġ", "w"}, {"Ġ", "n"}, {"i", "s"},   {"n", "d"},   {"Ġ", "."},  {"Ġ", "d"},
    {"Ġ", "re"}, {"Ġ", "l"},  {"a", "l"},  {"r", "o"}, {"Ġ", "h"}, {"Ġt", "he"}, {"a", "r"},   {"Ġ", "in"}, {"in", "g"},
    {"Ġo", "n"}, {"a", "n"},  {"a", "c"},  {"i", "l"}, {"Ġ", "e"}, {"it", "h"},  {"Ġa", "nd"}, {"u", "n"},  {"v", "er"},
    {"Ġ", "r"},  {"Ġ", "g"},  {"Ġn", "o"}, {"d", "e"}, {"a", "s"}, {"Ġc", "o"},  {"e", "t"},   {"i", "c"},  {"es", "t"},
    {"i", "d"},  {"i", "on"}, {"Ġ", "C"},  {"u", "t"}, {"m", "p"}, {"Ġt", "o"},  {"u", "s"},
};

std::string utf8(unsigned code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xc0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 0x3f))};
}

// GPT-2's alphabet: a printable Latin-1 byte stands for itself, the others for U+0100 and onwards.
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
    alphabet[byte] = utf8(printable ? byte : next++);
  }
  return alphabet;
}

ordered_json vocabulary() {
  ordered_json tokens = ordered_json::object();
  for (const std::string_view token : special_tokens) tokens[std::string(token)] = tokens.size();
  for (const std::string& letter : byte_alphabet()) tokens[letter] = tokens.size();
  for (const auto& merge : merges) tokens[std::string(merge[0]) + std::string(merge[1])] = tokens.size();
  return tokens;
}

ordered_json merge_list(bool as_pairs) {
  ordered_json list = ordered_json::array();
  for (const auto& merge : merges) {
    if (as_pairs) {
      list.push_back({merge[0], merge[1]});
    } else {
      list.push_back(std::string(merge[0]) + " " + std::string(merge[1]));
    }
  }
  return list;
}

ordered_json added_tokens() {
  ordered_json list = ordered_json::array();
  for (const std::string_view token : special_tokens) {
    list.push_back({{"id", list.size()},
                    {"content", token},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}});
  }
  return list;
}

}  // namespace

std::string tiny_tokenizer_json(bool merges_as_pairs) {
  const ordered_json digits = {{"type", "Digits"}, {"individual_digits", true}};
  const ordered_json bytes = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  ordered_json tokenizer = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  tokenizer["added_tokens"] = added_tokens();
  tokenizer["normalizer"] = nullptr;
  tokenizer["pre_tokenizer"]["type"] = "Sequence";
  tokenizer["pre_tokenizer"]["pretokenizers"] = ordered_json::array({digits, bytes});
  tokenizer["post_processor"] = nullptr;
  tokenizer["decoder"] = bytes;
  tokenizer["model"] = {{"type", "BPE"},
                        {"dropout", nullptr},
                        {"unk_token", nullptr},
                        {"continuing_subword_prefix", nullptr},
                        {"end_of_word_suffix", nullptr},
                        {"fuse_unk", false},
                        {"byte_fallback", false},
                        {"ignore_merges", false}};
  tokenizer["model"]["vocab"] = vocabulary();
  tokenizer["model"]["merges"] = merge_list(merges_as_pairs);
  return tokenizer.dump(1) + "\n";
}

std::string tiny_tokenizer_config_json() {
  const ordered_json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                               {"bos_token", special_tokens[1]},
                               {"eos_token", special_tokens[2]},
                               {"pad_token", special_tokens[2]},
                               {"unk_token", special_tokens[0]},
                               {"model_max_length", 512}};
  return config.dump(1) + "\n";
}

}  // namespace kvdiff::test
