#include "harness/text/tokenize_lines.h"

#include <fmt/format.h>

#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"

namespace kvdiff {
namespace {

int32_t read_id(const nlohmann::json& value) {
  const bool fits = value.is_number_integer() && value >= 0 && value <= INT32_MAX;
  if (fits) return value.get<int32_t>();
  throw UserError(ExitCode::input,
                  fmt::format("{} is no token id. Expected whole numbers from 0 on.", json_in_short(value)));
}

nlohmann::json answer(const Tokenizer& tokenizer, const nlohmann::json& question, const TokenizeOptions& options) {
  if (question.is_string()) return tokenizer.encode(question.get_ref<const std::string&>(), options.add_special_tokens);
  if (!question.is_array()) {
    throw UserError(ExitCode::input, fmt::format("{} is neither a text in quotation marks nor an array of ids.",
                                                 json_in_short(question)));
  }
  std::vector<int32_t> ids;
  for (const auto& value : question) ids.push_back(read_id(value));
  return tokenizer.decode(ids, options.skip_special_tokens);
}

}  // namespace

void tokenize_lines(const Tokenizer& tokenizer, std::istream& in, std::ostream& out, const TokenizeOptions& options) {
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      out << answer(tokenizer, parse_strict_json(line, "the line"), options).dump() << std::endl;
    } catch (const UserError& error) {
      throw UserError(error.code(), fmt::format("line {}: {}", number, error.what()));
    }
  }
}

}  // namespace kvdiff
