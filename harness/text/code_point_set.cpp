#include "harness/text/code_point_set.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>

#include "cache_backends/error.h"
#include "harness/text/unicode_tables.h"

namespace kvdiff {
namespace {

CodePointSet decode_table(const UnicodeClassTable& table) {
  CodePointSet set;
  char32_t at = 0;
  for (size_t i = 0; i + 1 < table.gaps_and_lengths.size(); i += 2) {
    const char32_t first = at + table.gaps_and_lengths[i];
    at = first + table.gaps_and_lengths[i + 1];
    set.ranges.push_back({first, at - 1});
  }
  return set;
}

std::map<std::string, CodePointSet, std::less<>> all_classes() {
  std::map<std::string, CodePointSet, std::less<>> classes;
  std::vector<CodePointRange> assigned;
  for (const auto& table : unicode_category_tables()) {
    const auto& set = classes[std::string(table.name)] = decode_table(table);
    if (table.name.size() != 2) continue;
    auto& major = classes[std::string(table.name.substr(0, 1))];
    major = united(major, set);
    assigned.insert(assigned.end(), set.ranges.begin(), set.ranges.end());
  }
  classes["Cn"] = complement(make_set(std::move(assigned)));
  classes["C"] = united(classes["C"], classes["Cn"]);
  for (const auto& table : unicode_property_tables()) classes[std::string(table.name)] = decode_table(table);
  return classes;
}

}  // namespace

CodePointSet make_set(std::vector<CodePointRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  CodePointSet set;
  for (const auto& range : ranges) {
    if (!set.ranges.empty() && range.first <= set.ranges.back().last + 1) {
      set.ranges.back().last = std::max(set.ranges.back().last, range.last);
    } else {
      set.ranges.push_back(range);
    }
  }
  return set;
}

CodePointSet united(const CodePointSet& a, const CodePointSet& b) {
  std::vector<CodePointRange> both = a.ranges;
  both.insert(both.end(), b.ranges.begin(), b.ranges.end());
  return make_set(std::move(both));
}

CodePointSet complement(const CodePointSet& set) {
  CodePointSet rest;
  char32_t next = 0;
  for (const auto& range : set.ranges) {
    if (range.first > next) rest.ranges.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next < code_point_end) rest.ranges.push_back({next, code_point_end - 1});
  return rest;
}

bool contains(const CodePointSet& set, char32_t code_point) {
  const auto after = std::upper_bound(set.ranges.begin(), set.ranges.end(), code_point,
                                      [](char32_t c, const CodePointRange& range) { return c < range.first; });
  return after != set.ranges.begin() && code_point <= std::prev(after)->last;
}

const CodePointSet* find_unicode_class(std::string_view name) {
  static const auto classes = all_classes();
  const auto found = classes.find(name);
  return found == classes.end() ? nullptr : &found->second;
}

CodePointBitmap::CodePointBitmap(const CodePointSet& set) : words_(code_point_end / 64) {
  for (const auto& range : set.ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) words_[c >> 6] |= uint64_t{1} << (c & 63);
  }
}

const CodePointBitmap& unicode_class_bitmap(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, CodePointBitmap, std::less<>> bitmaps;
  const std::lock_guard lock(mutex);
  if (const auto found = bitmaps.find(name); found != bitmaps.end()) return found->second;
  const CodePointSet* set = find_unicode_class(name);
  if (set == nullptr) throw InternalError("no Unicode class named " + std::string(name));
  return bitmaps.emplace(name, CodePointBitmap(*set)).first->second;
}

}  // namespace kvdiff
