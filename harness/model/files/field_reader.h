#pragma once
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

struct IntegerRange {
  int64_t least = 1;
  int64_t most = std::numeric_limits<int64_t>::max();
};

struct NumberRange {
  double least = 0;
  double most = 1e30;
};

// Reads the fields of one JSON object and collects what is wrong with them instead of stopping at the first.
// A field that is null counts as absent, as it does in the peer.
class FieldReader {
 public:
  // `prefix` stands before a field's name in messages ("rope_scaling."). Object and problems must outlive the reader.
  FieldReader(const nlohmann::json& object, std::string prefix, std::vector<std::string>& problems)
      : object_(object), prefix_(std::move(prefix)), problems_(problems) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const nlohmann::json* find(std::string_view name) const;  // nullptr when absent or null

  std::optional<int64_t> integer(std::string_view name, IntegerRange range = {});
  std::optional<double> number(std::string_view name, NumberRange range = {});
  std::optional<bool> truth(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  std::vector<int64_t> integers(std::string_view name);  // one integer or a list of them; absent: none

  // The same, and absent is a problem; then some value of the type comes back.
  int64_t required_integer(std::string_view name, IntegerRange range = {});
  double required_number(std::string_view name, NumberRange range = {});

  void problem(std::string_view name, std::string_view what);

 private:
  void wrong_type(std::string_view name, const nlohmann::json& value, std::string_view expected);

  const nlohmann::json& object_;
  std::string prefix_;
  std::vector<std::string>& problems_;
};

// One UserError(input) that lists the problems (20 at most, then their number) below the heading; nothing when there
// are none.
void throw_if_any(const std::vector<std::string>& problems, std::string_view heading, std::string_view advice);

}  // namespace kvdiff
