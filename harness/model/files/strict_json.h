#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace kvdiff {

// JSON of a foreign file, with what the JSON library lets pass refused: duplicate names (it would keep the last), a NUL
// byte (it would take it for the end), nesting deeper than max_depth (1 is a flat object). `origin` names the file.
// Throws UserError(input) with line and column of the mistake.
nlohmann::json parse_strict_json(std::string_view text, std::string_view origin, int max_depth = 64);

// A whole file as text; UserError(input) when it is missing, no plain file, unreadable or larger than max_bytes.
std::string read_text_file(const std::filesystem::path& path, size_t max_bytes);

// "an integer", "a text", ...: a JSON value's type in words, for messages.
std::string_view json_type_in_words(const nlohmann::json& value);

// The value as short JSON text for messages, cut and escaped as quote_name() does. Any value, valid UTF-8 or not.
std::string json_in_short(const nlohmann::json& value);

}  // namespace kvdiff
