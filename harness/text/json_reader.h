#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// Reads one object of a tokenizer.json strictly: every field is asked for by name, and finish() refuses what nobody
// asked for, since a field that is not understood may change the ids. All functions throw UserError(ExitCode::input)
// with the field's place, what was found and what was expected.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& object, std::string place);

  const std::string& place() const { return place_; }
  bool has(std::string_view name) const;  // present and not null
  const nlohmann::json& field(std::string_view name);
  std::string text(std::string_view name);
  bool boolean(std::string_view name);
  bool boolean_or(std::string_view name, bool fallback);  // absent or null: fallback
  int64_t whole_number(std::string_view name, int64_t from, int64_t to);
  const nlohmann::json& array(std::string_view name);
  void ignore(std::string_view name) { asked_.emplace(name); }
  void finish() const;

  [[noreturn]] void refuse(const std::string& what) const;  // "tokenizer.json: <place> <what>"

 private:
  const nlohmann::json* find(std::string_view name) const;

  const nlohmann::json& object_;
  std::string place_;
  std::set<std::string, std::less<>> asked_;
};

// Throws UserError(ExitCode::input) that lists the problems of a tokenizer.json, if there are any.
void refuse_if_any(const std::vector<std::string>& problems);

// How deep the components of one kind stand inside each other, and how many were met so far: a hostile file could ask
// for more than memory holds.
struct Nesting {
  int depth = 0;
  int components = 0;
};

// Counts one more component, around whose making the object lives. Refuses the 17th level and the 101st component.
class NestingLevel {
 public:
  NestingLevel(Nesting& nesting, const JsonReader& fields);
  ~NestingLevel() { --nesting_.depth; }
  NestingLevel(const NestingLevel&) = delete;
  NestingLevel& operator=(const NestingLevel&) = delete;

 private:
  Nesting& nesting_;
};

// A component of a tokenizer.json ({"type": ..., ...}) by its row in a table.
template <typename Component>
struct ComponentRow {
  std::string_view type;
  Component (*make)(JsonReader& fields, Nesting& nesting);
};

[[noreturn]] void refuse_component(const JsonReader& fields, const std::string& type,
                                   const std::vector<std::string>& known);

template <typename Component, typename Rows>
Component make_component(const nlohmann::json& value, const std::string& place, const Rows& rows, Nesting& nesting) {
  JsonReader fields(value, place);
  const NestingLevel level(nesting, fields);
  const std::string type = fields.text("type");
  std::vector<std::string> known;
  for (const ComponentRow<Component>& row : rows) {
    if (row.type == type) {
      Component made = row.make(fields, nesting);
      fields.finish();
      return made;
    }
    known.emplace_back(row.type);
  }
  refuse_component(fields, type, known);
}

}  // namespace kvdiff
