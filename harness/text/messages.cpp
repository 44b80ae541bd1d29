#include "harness/text/messages.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

constexpr std::string_view expected = "Expected an array like [{\"role\": \"user\", \"content\": \"Hello\"}].";

[[noreturn]] void refuse(std::string_view origin, const std::string& what) {
  throw UserError(ExitCode::input, fmt::format("{}: {}. {}", origin, what, expected));
}

std::string text_field(const nlohmann::json& message, const char* name, std::string_view origin, size_t number) {
  if (!message.contains(name)) refuse(origin, fmt::format("message {} has no \"{}\"", number, name));
  const auto& value = message[name];
  if (!value.is_string())
    refuse(origin, fmt::format("message {}: \"{}\" is {}, not a text", number, name, json_in_short(value)));
  return value.get<std::string>();
}

}  // namespace

std::vector<ChatMessage> parse_messages(std::string_view text, std::string_view origin) {
  require_utf8(text, origin);
  const auto json = parse_strict_json(text, origin);
  if (!json.is_array()) refuse(origin, fmt::format("the messages are {}", json_in_short(json)));
  if (json.empty()) refuse(origin, "there is no message");
  std::vector<ChatMessage> messages;
  for (const auto& message : json) {
    const size_t number = messages.size() + 1;
    if (!message.is_object()) refuse(origin, fmt::format("message {} is {}", number, json_in_short(message)));
    for (const auto& [name, value] : message.items()) {
      const bool known = name == "role" || name == "content";
      if (!known)
        refuse(origin, fmt::format("message {} has the field {}, which is not supported", number, quote_name(name)));
    }
    messages.push_back({text_field(message, "role", origin, number), text_field(message, "content", origin, number)});
  }
  return messages;
}

}  // namespace kvdiff
