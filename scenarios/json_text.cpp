#include "scenarios/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr int deepest = 16;

// The library keeps the last of two equal keys in silence, so they are counted while it parses.
class KeyWatch {
 public:
  explicit KeyWatch(const std::string& origin) : origin_(origin) {}

  void see(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > deepest) fail(fmt::format("nested deeper than {}", deepest));
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end) open_.pop_back();
    if (event == Json::parse_event_t::key && !open_.back().insert(parsed.get<std::string>()).second) {
      fail(fmt::format("the key {} stands twice in one object", shown(parsed.get<std::string>())));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw UserError(ExitCode::usage, fmt::format("{}: {}", origin_, message));
  }
  std::string origin_;
  std::vector<std::set<std::string>> open_;
};

}  // namespace

Json parse_scenario_json(std::string_view text, const std::string& origin) {
  if (text.find('\0') != text.npos) throw UserError(ExitCode::usage, origin + ": not JSON: a NUL byte in it");
  KeyWatch watch(origin);
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
      watch.see(depth, event, parsed);
      return true;
    });
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: ..." without the library's own mark.
    const std::string_view what = error.what();
    const size_t mark = what.find("] ");
    throw UserError(ExitCode::usage, fmt::format("{}: not JSON: {}", origin, what.substr(mark + 2)));
  }
}

void JsonAt::fail(std::string_view message) const {
  throw UserError(ExitCode::usage, fmt::format("{}: {}: {}", origin, pointer.empty() ? "/" : pointer, message));
}

void JsonAt::refuse(std::string_view expected) const {
  const std::string dumped = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  fail(fmt::format("found {}, expected {}", dumped.size() > 60 ? dumped.substr(0, 57) + "..." : dumped, expected));
}

std::string text_at(const JsonAt& json) {
  if (!json.value.is_string()) json.refuse("a text in quotes");
  return json.value.get<std::string>();
}

void require_object(const JsonAt& json) {
  if (!json.value.is_object()) json.refuse("an object");
}

void require_list(const JsonAt& json) {
  if (!json.value.is_array() || json.value.empty()) json.refuse("a list with at least one entry");
}

void require_known_keys(const JsonAt& json, std::span<const std::string_view> known) {
  require_object(json);
  for (const auto& [key, value] : json.value.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    json.fail(fmt::format("unknown key {}, expected one of {}. Did you mean '{}'?", shown(key), joined(known),
                          nearest_match(key, known)));
  }
}

}  // namespace kvdiff
