#include "harness/text/regex_escapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cache_backends/error.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

CodePointSet single(char32_t c) { return {{{c, c}}}; }

EscapedItem class_item(std::string_view name, bool negated) {
  const CodePointSet& set = *find_unicode_class(name);
  return {negated ? complement(set) : set, true};
}

// Oniguruma counts the superscripts and fractions of Latin-1 as word characters, but not where \w stands in brackets.
EscapedItem word_item(bool in_class, bool negated) {
  static const CodePointSet in_brackets =
      complement(united(complement(*find_unicode_class("regex_word")), {{{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}}}));
  if (!in_class) return class_item("regex_word", negated);
  return {negated ? complement(in_brackets) : in_brackets, true};
}

EscapedItem read_property(PatternReader& reader, bool negated) {
  if (!reader.take("{")) reader.refuse("\\p without braces");
  if (reader.take("^")) negated = !negated;
  std::string name;
  while (!reader.starts_with("}")) append_utf8(name, reader.next());
  reader.skip(1);
  const bool known = !name.empty() && std::isupper(static_cast<unsigned char>(name[0])) && find_unicode_class(name);
  if (!known) reader.refuse(fmt::format("the property \"{}\"", name));
  return class_item(name, negated);
}

// Up to `most` hexadecimal digits; nothing where none stands here.
std::optional<char32_t> read_hex(PatternReader& reader, size_t most) {
  char32_t value = 0;
  size_t count = 0;
  while (count < most && !reader.done() && std::isxdigit(static_cast<unsigned char>(reader.peek()))) {
    const char digit = reader.peek();
    value = value * 16 + static_cast<char32_t>(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
    reader.skip(1);
    ++count;
  }
  return count == 0 ? std::nullopt : std::optional(value);
}

EscapedItem read_code(PatternReader& reader, bool unicode) {
  const bool braces = !unicode && reader.take("{");
  const auto value = read_hex(reader, braces ? 6 : unicode ? 4 : 2);
  if (!value || (braces && !reader.take("}"))) reader.refuse("a malformed \\x or \\u");
  // A bare \xE9 would be a single byte of an UTF-8 sequence in Oniguruma.
  if ((!braces && !unicode && *value > 0x7F) || *value >= code_point_end || (*value >= 0xD800 && *value < 0xE000)) {
    reader.refuse(fmt::format("the code \\x{:X}", static_cast<uint32_t>(*value)));
  }
  return {single(*value), false};
}

std::optional<char32_t> control_escape(char32_t letter) {
  switch (letter) {
    case 'n':
      return U'\n';
    case 'r':
      return U'\r';
    case 't':
      return U'\t';
    case 'f':
      return U'\f';
    case 'v':
      return U'\v';
    case 'a':
      return U'\a';
    case 'e':
      return U'\x1B';
    default:
      return std::nullopt;
  }
}

// One member of a character class: a code point, or a set such as \d.
EscapedItem read_class_member(PatternReader& reader) {
  if (reader.starts_with("\\")) return read_escape(reader, true);
  if (reader.starts_with("[")) reader.refuse("\"[\" inside a character class (write \\[)");
  if (reader.starts_with("&&")) reader.refuse("\"&&\" inside a character class");
  return {single(reader.next()), false};
}

void add_member(PatternReader& reader, std::vector<CodePointRange>& ranges) {
  const EscapedItem item = read_class_member(reader);
  const bool dash = reader.starts_with("-") && !reader.starts_with("-]");
  if (dash && item.is_set) reader.refuse("a range that starts with a class");
  if (!dash) {
    ranges.insert(ranges.end(), item.set.ranges.begin(), item.set.ranges.end());
    return;
  }
  reader.skip(1);
  const EscapedItem end = read_class_member(reader);
  const char32_t first = item.set.ranges[0].first;
  if (end.is_set || end.set.ranges[0].first < first)
    reader.refuse("a range without an end, or with an end before its start");
  ranges.push_back({first, end.set.ranges[0].first});
}

}  // namespace

bool PatternReader::take(std::string_view text) {
  if (!starts_with(text)) return false;
  offset_ += text.size();
  return true;
}

char32_t PatternReader::next() {
  if (done()) refuse("its sudden end");
  const auto c = decode_valid_utf8(pattern_, offset_);
  offset_ += c.length;
  return c.value;
}

void PatternReader::refuse(std::string_view what) const {
  throw UserError(
      ExitCode::input,
      fmt::format("tokenizer.json: the regular expression \"{}\" uses {} (near byte {}), which is not supported. "
                  "Give the prompt as token ids.",
                  pattern_, what, std::min(offset_, pattern_.size())));
}

EscapedItem read_escape(PatternReader& reader, bool in_class) {
  reader.skip(1);
  const char32_t letter = reader.next();
  switch (letter) {
    case 'd':
      return class_item("Nd", false);
    case 'D':
      return class_item("Nd", true);
    case 's':
      return class_item("regex_space", false);
    case 'S':
      return class_item("regex_space", true);
    case 'w':
      return word_item(in_class, false);
    case 'W':
      return word_item(in_class, true);
    case 'h':
      return {{{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}, true};
    case 'p':
      return read_property(reader, false);
    case 'P':
      return read_property(reader, true);
    case 'x':
      return read_code(reader, false);
    case 'u':
      return read_code(reader, true);
    default:
      break;
  }
  if (const auto control = control_escape(letter)) return {single(*control), false};
  if (letter > 0x7F || std::isalnum(static_cast<unsigned char>(letter))) {
    reader.refuse(fmt::format("the escape \"\\{}\"", to_utf8(letter)));
  }
  return {single(letter), false};
}

CodePointSet read_character_class(PatternReader& reader, bool caseless) {
  reader.skip(1);
  const bool negated = reader.take("^");
  if (reader.starts_with("]")) reader.refuse("an empty character class");
  std::vector<CodePointRange> ranges;
  while (!reader.starts_with("]")) add_member(reader, ranges);
  reader.skip(1);
  CodePointSet set = make_set(std::move(ranges));
  if (caseless) set = caseless_set(reader, set);
  return negated ? complement(set) : set;
}

CodePointSet caseless_set(const PatternReader& reader, const CodePointSet& set) {
  std::vector<CodePointRange> ranges = set.ranges;
  for (const auto& range : set.ranges) {
    if (range.last > 0x7F) reader.refuse("something that is not ASCII without regard to case");
    for (char32_t c = range.first; c <= range.last; ++c) {
      const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      if (letter) ranges.push_back({c ^ 32, c ^ 32});
      if ((c | 32) == 'k') ranges.push_back({0x212A, 0x212A});  // Kelvin sign
      if ((c | 32) == 's') ranges.push_back({0x17F, 0x17F});    // long s
    }
  }
  return make_set(std::move(ranges));
}

std::optional<Interval> read_interval(const PatternReader& reader) {
  const std::string_view rest = reader.rest(24);
  const size_t close = rest.find('}');
  if (close == std::string_view::npos || close < 2) return std::nullopt;
  const std::string_view inside = rest.substr(1, close - 1);
  const size_t comma = inside.find(',');
  const std::string_view low = inside.substr(0, std::min(comma, inside.size()));
  const std::string_view high = comma == std::string_view::npos ? low : inside.substr(comma + 1);
  const auto digits = [](std::string_view text) {
    return text.size() <= 6 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!digits(low) || !digits(high) || (low.empty() && high.empty())) return std::nullopt;
  Interval interval{std::string(rest.substr(0, close + 1))};
  interval.from = low.empty() ? 0 : std::stoi(std::string(low));
  interval.open = high.empty();
  interval.to = interval.open ? interval.from : std::stoi(std::string(high));
  interval.exact = comma == std::string_view::npos;
  return interval;
}

}  // namespace kvdiff
