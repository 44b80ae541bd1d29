#include "harness/model/files/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "cache_backends/error.h"
#include "harness/model/files/mapped_file.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;

std::string position_of(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0, the first line
  return fmt::format(" at line {}, column {}", line, before.size() - line_begin + 1);
}

// Looks on while the library parses: its only way to see a name twice, and to stop at too deep a nesting.
class Watcher {
 public:
  explicit Watcher(int max_depth) : max_depth_(max_depth) {}

  // Depth: the number of containers around the event's value. Throws Mistake.
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    const bool begins = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (begins && depth >= max_depth_) throw Mistake{fmt::format("nested deeper than {} levels", max_depth_)};
    if (event == json::parse_event_t::object_start) names_.emplace_back();
    if (event == json::parse_event_t::object_end) names_.pop_back();
    if (event == json::parse_event_t::key && !names_.back().insert(parsed.get_ref<const std::string&>()).second) {
      throw Mistake{"the name " + quote_name(parsed.get_ref<const std::string&>()) + " stands twice in one object"};
    }
    return true;
  }

  struct Mistake {
    std::string text;
  };

 private:
  int max_depth_;
  std::vector<std::set<std::string>> names_;
};

// The library's text, without its own error number and position.
std::string_view mistake_in(const json::exception& error) {
  const std::string_view what = error.what();
  const size_t syntax = what.find("syntax error");
  const size_t number_end = what.find("] ");
  if (syntax != std::string_view::npos) return what.substr(syntax);
  return number_end == std::string_view::npos ? what : what.substr(number_end + 2);
}

// Python's json writes numbers that are none, without a warning.
std::string_view hint_at(std::string_view text, size_t byte) {
  const size_t at = byte == 0 ? 0 : byte - 1;
  const bool not_a_number = at < text.size() && (text[at] == 'N' || text[at] == 'I');
  return not_a_number ? " (NaN and Infinity are no JSON)" : "";
}

}  // namespace

json parse_strict_json(std::string_view text, std::string_view origin, int max_depth) {
  const auto refuse = [&](const std::string& place, std::string_view mistake) -> UserError {
    return {ExitCode::input, fmt::format("{}: not valid JSON{}: {}. The file is damaged or was edited by hand: correct "
                                         "it or get it again.",
                                         origin, place, mistake)};
  };
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    throw refuse(position_of(text, nul), "a NUL byte");
  try {
    return json::parse(text, [watcher = std::make_shared<Watcher>(max_depth)](int depth, json::parse_event_t event,
                                                                              const json& parsed) {
      return (*watcher)(depth, event, parsed);
    });
  } catch (const Watcher::Mistake& mistake) {
    throw refuse("", mistake.text);
  } catch (const json::parse_error& error) {
    throw refuse(position_of(text, error.byte == 0 ? 0 : error.byte - 1),
                 quote_name(mistake_in(error), 200).append(hint_at(text, error.byte)));
  } catch (const json::exception& error) {
    throw refuse("", quote_name(mistake_in(error), 200));
  }
}

std::string read_text_file(const std::filesystem::path& path, size_t max_bytes) {
  const MappedFile file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() > max_bytes) {
    throw UserError(ExitCode::input,
                    fmt::format("{}: {} bytes, expected at most {}: this is not the file that its name "
                                "says. Get it again.",
                                path.string(), bytes.size(), max_bytes));
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string_view json_type_in_words(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return "a truth value";
    case json::value_t::string:
      return "a text";
    case json::value_t::array:
      return "a list";
    case json::value_t::object:
      return "an object";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return "an integer";
    case json::value_t::number_float:
      return "a fraction";
    default:
      return "nothing";
  }
}

std::string json_in_short(const json& value) {
  if (value.is_structured() && !value.empty()) return std::string(json_type_in_words(value));
  if (value.is_string()) return quote_name(value.get_ref<const std::string&>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kvdiff
