#include "harness/checks/markup.h"

#include <string>

namespace kvdiff {
namespace {

constexpr Markup markups[] = {
    {"ChatML", "<|im_start|>", "<|im_end|>", true},
    {"Llama 3", "<|start_header_id|>", "<|eot_id|>", true},
    {"Zephyr", "<|user|>\n", "", false},
    {"Mistral", "[INST] ", "", false},
    {"Gemma", "<start_of_turn>", "<end_of_turn>", true},
    {"Alpaca", "### Instruction:\n", "", false},
};

}  // namespace

const Markup* markup_in(std::string_view text) {
  const Markup* first = nullptr;
  size_t at = std::string_view::npos;
  for (const Markup& one : markups)
    if (const size_t here = text.find(one.opens); here < at) first = &one, at = here;
  return first;
}

const Markup* markup_of(const ChatFormat& format) {
  const ChatMessage message{"user", "x"};
  return markup_in(render_chat(format, {&message, 1}, {}, true));
}

}  // namespace kvdiff
