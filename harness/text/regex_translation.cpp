#include "harness/text/regex_translation.h"

#include <fmt/format.h>

#include <optional>

#include "cache_backends/error.h"
#include "harness/text/regex_escapes.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

constexpr int largest_interval = 65535;  // PCRE2's limit
constexpr size_t most_sets = 1000;
constexpr size_t longest_pattern = 1 << 16;

struct Group {
  bool caseless;  // to be restored at the closing parenthesis
  bool look_around;
};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : reader_{pattern} {}

  RegexTranslation run() {
    if (reader_.rest(longest_pattern + 1).size() > longest_pattern) reader_.refuse("more than 65536 bytes");
    inline_option();
    while (!reader_.done()) item();
    if (!groups_.empty()) reader_.refuse("an unclosed group");
    return std::move(out_);
  }

 private:
  void item() {
    switch (reader_.peek()) {
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '|':
        return alternative();
      case '*':
      case '+':
      case '?':
        return repeat_symbol();
      case '{':
        return interval_or_brace();
      case '[':
        return atom(read_character_class(reader_, caseless_));
      case '.':
        return reader_.skip(1), atom(complement(single(U'\n')));
      case '^':
        return reader_.skip(1), assertion({"(?:\\A|(?<=", single(U'\n'), ")(?!\\z))"});
      case '$':
        return reader_.skip(1), assertion({"(?:(?=", single(U'\n'), ")|\\z)"});
      case '\\':
        return escape();
      default:
        return literal(reader_.next());
    }
  }

  static CodePointSet single(char32_t c) { return {{{c, c}}}; }

  void syntax(std::string text, bool repeatable) {
    out_.parts.emplace_back(std::move(text));
    repeatable_ = repeatable;
    previous_literal_.reset();
  }

  void set_part(CodePointSet set) {
    size_t index = 0;
    while (index < out_.sets.size() && out_.sets[index] != set) ++index;
    if (index == most_sets) reader_.refuse("more than 1000 different kinds of characters");
    if (index == out_.sets.size()) out_.sets.push_back(std::move(set));
    out_.parts.emplace_back(static_cast<int>(index));
  }

  void atom(CodePointSet set) {
    set_part(std::move(set));
    repeatable_ = true;
    previous_literal_.reset();
  }

  // Oniguruma does not repeat anchors, nor do we.
  void assertion(std::vector<std::variant<const char*, CodePointSet>> parts) {
    for (auto& part : parts) {
      if (std::holds_alternative<const char*>(part)) {
        out_.parts.emplace_back(std::string(std::get<const char*>(part)));
      } else {
        set_part(std::move(std::get<CodePointSet>(part)));
      }
    }
    repeatable_ = false;
    previous_literal_.reset();
  }

  void literal(char32_t c) {
    if (!caseless_) return atom(single(c));
    const auto before = previous_literal_;
    if (before) refuse_caseless_ligature(*before, c);
    atom(caseless_set(reader_, single(c)));
    previous_literal_ = c;
  }

  // Oniguruma folds whole strings: without regard to case, "st" also matches U+FB06.
  void refuse_caseless_ligature(char32_t first, char32_t second) {
    const auto lower = [](char32_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
    for (const char* pair : {"ff", "fi", "fl", "ss", "st"}) {
      if (lower(first) == static_cast<char32_t>(pair[0]) && lower(second) == static_cast<char32_t>(pair[1])) {
        reader_.refuse(fmt::format("the letters \"{}\" without regard to case", pair));
      }
    }
  }

  void open_group() {
    static constexpr std::pair<std::string_view, std::string_view> kinds[] = {
        {"(?:", "(?:"}, {"(?=", "(?="}, {"(?!", "(?!"}, {"(?<=", "(?<="}, {"(?<!", "(?<!"}, {"(?>", "(?>"}};
    if (groups_.size() >= 100) reader_.refuse("more than 100 nested groups");
    for (const auto& [text, translated] : kinds) {
      if (reader_.take(text)) return enter(translated, text[2] == '=' || text[2] == '!' || text[2] == '<');
    }
    if (reader_.take("(?i:")) return enter("(?:", false), void(caseless_ = true);
    if (reader_.take("(?-i:")) return enter("(?:", false), void(caseless_ = false);
    if (reader_.starts_with("(?")) reader_.refuse(fmt::format("the group \"{}\"", reader_.rest(6)));
    reader_.skip(1);
    enter("(?:", false);  // what is captured is never asked for
  }

  void enter(std::string_view translated, bool look_around) {
    groups_.push_back({caseless_, look_around});
    syntax(std::string(translated), false);
    inline_option();
  }

  // (?i) in the middle of an alternative has a scope of its own in Oniguruma; at the start of a group it is plain.
  void inline_option() {
    if (reader_.take("(?i)")) caseless_ = true;
    if (reader_.take("(?-i)")) caseless_ = false;
  }

  void close_group() {
    if (groups_.empty()) reader_.refuse("a closing parenthesis without an opening one");
    reader_.skip(1);
    const Group group = groups_.back();
    groups_.pop_back();
    caseless_ = group.caseless;
    syntax(")", !group.look_around);
  }

  void alternative() {
    reader_.skip(1);
    syntax("|", false);
  }

  void require_repeatable(std::string_view what) {
    if (!repeatable_) reader_.refuse(fmt::format("\"{}\" where nothing can be repeated", what));
  }

  void repeat_symbol() {
    std::string symbol(1, reader_.peek());
    require_repeatable(symbol);
    reader_.skip(1);
    if (reader_.starts_with("?") || reader_.starts_with("+")) {
      symbol += reader_.peek();
      reader_.skip(1);
    }
    syntax(symbol, false);
  }

  void interval_or_brace() {
    const auto interval = read_interval(reader_);
    if (!interval) return literal(reader_.next());
    require_repeatable(interval->text);
    if (interval->from > interval->to || interval->to > largest_interval) {
      reader_.refuse(fmt::format("the interval \"{}\"", interval->text));
    }
    reader_.skip(interval->text.size());
    std::string text = fmt::format("{{{},{}}}", interval->from, interval->to);
    if (interval->open) text = fmt::format("{{{},}}", interval->from);
    // In Oniguruma {n,m}+ repeats the interval, and {n}? makes it optional; PCRE2 reads both otherwise.
    if (reader_.starts_with("+") || (interval->exact && reader_.starts_with("?"))) {
      reader_.refuse(fmt::format("\"{}{}\"", interval->text, reader_.peek()));
    }
    if (reader_.take("?")) text += "?";
    syntax(text, false);
  }

  void escape() {
    if (reader_.take("\\A")) return syntax("\\A", false);
    if (reader_.take("\\z")) return syntax("\\z", false);
    if (reader_.take("\\Z")) return assertion({"(?:(?=", single(U'\n'), "\\z)|\\z)"});
    if (reader_.take("\\b")) return word_boundary("(?:(?<=", ")(?!", ")|(?<!", ")(?=", "))");
    if (reader_.take("\\B")) return word_boundary("(?:(?<=", ")(?=", ")|(?<!", ")(?!", "))");
    const EscapedItem item = read_escape(reader_, false);
    if (item.is_set) return atom(item.set);
    literal(item.set.ranges[0].first);
  }

  void word_boundary(const char* a, const char* b, const char* c, const char* d, const char* e) {
    const CodePointSet& word = *find_unicode_class("regex_word");
    assertion({a, word, b, word, c, word, d, word, e});
  }

  PatternReader reader_;
  RegexTranslation out_;
  std::vector<Group> groups_;
  bool caseless_ = false;
  bool repeatable_ = false;
  std::optional<char32_t> previous_literal_;  // only without regard to case
};

}  // namespace

RegexTranslation translate_oniguruma(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace kvdiff
