#include "harness/text/split_regex.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/text/regex_translation.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

constexpr int most_classes = 256;
constexpr size_t largest_jit_stack = 16 << 20;
constexpr uint32_t most_steps = 10'000'000;  // Oniguruma's own limit

struct Intervals {
  std::vector<char32_t> starts;  // sorted; the last one is code_point_end
  std::vector<int> class_of;     // per interval
  int classes = 1;
};

// Cuts the code points wherever some set begins or ends.
Intervals cut(const std::vector<CodePointSet>& sets) {
  Intervals out;
  out.starts = {0, code_point_end};
  for (const auto& set : sets) {
    for (const auto& range : set.ranges) {
      out.starts.push_back(range.first);
      out.starts.push_back(range.last + 1);
    }
  }
  std::sort(out.starts.begin(), out.starts.end());
  out.starts.erase(std::unique(out.starts.begin(), out.starts.end()), out.starts.end());
  out.class_of.assign(out.starts.size() - 1, 0);
  return out;
}

std::vector<char> membership(const Intervals& intervals, const CodePointSet& set) {
  std::vector<char> inside(intervals.class_of.size(), 0);
  size_t i = 0;
  for (const auto& range : set.ranges) {
    while (intervals.starts[i] < range.first) ++i;
    for (; i < inside.size() && intervals.starts[i] <= range.last; ++i) inside[i] = 1;
  }
  return inside;
}

// Splits every class that lies partly in the set.
void refine(Intervals& intervals, const std::vector<char>& inside) {
  std::vector<int> renamed(static_cast<size_t>(intervals.classes), -1);
  std::vector<char> has_outside(renamed.size(), 0);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (!inside[i]) has_outside[static_cast<size_t>(intervals.class_of[i])] = 1;
  }
  for (size_t i = 0; i < inside.size(); ++i) {
    const auto old = static_cast<size_t>(intervals.class_of[i]);
    if (!inside[i] || !has_outside[old]) continue;
    if (renamed[old] < 0) renamed[old] = intervals.classes++;
    intervals.class_of[i] = renamed[old];
  }
}

std::string byte_class(const Intervals& intervals, const CodePointSet& set) {
  std::vector<char> used(static_cast<size_t>(intervals.classes), 0);
  const auto inside = membership(intervals, set);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i]) used[static_cast<size_t>(intervals.class_of[i])] = 1;
  }
  std::string bytes;
  for (size_t c = 0; c < used.size(); ++c) {
    if (used[c]) bytes += fmt::format("\\x{:02x}", c);
  }
  if (bytes.empty()) return "(?!)";
  return bytes.size() == 4 ? bytes : "[" + bytes + "]";
}

std::string pcre2_message(int code) {
  PCRE2_UCHAR8 buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct JitStackDeleter {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

// What a search needs beside the pattern; one per thread, since find() is const and may run in several.
struct Scratch {
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_jit_stack, JitStackDeleter> stack{pcre2_jit_stack_create(32 << 10, largest_jit_stack, nullptr)};
  std::vector<uint8_t> subject;
  Scratch() {
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    pcre2_set_match_limit(context.get(), most_steps);
  }
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

}  // namespace

struct SplitRegex::Compiled {
  std::string pattern;
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  std::vector<uint8_t> class_of = std::vector<uint8_t>(code_point_end);  // per code point

  bool search(size_t start, size_t& begin, size_t& end) const;
};

SplitRegex::SplitRegex(std::string_view pattern) : compiled_(std::make_unique<Compiled>()) {
  compiled_->pattern = pattern;
  const RegexTranslation translation = translate_oniguruma(pattern);
  Intervals intervals = cut(translation.sets);
  for (const auto& set : translation.sets) {
    refine(intervals, membership(intervals, set));
    if (intervals.classes > most_classes) {
      throw UserError(ExitCode::input,
                      fmt::format("tokenizer.json: the regular expression \"{}\" tells more than {} kinds of "
                                  "characters apart, which is not supported. Give the prompt as token ids.",
                                  pattern, most_classes));
    }
  }
  std::string bytes;
  for (const auto& part : translation.parts) {
    bytes += std::holds_alternative<std::string>(part)
                 ? std::get<std::string>(part)
                 : byte_class(intervals, translation.sets[static_cast<size_t>(std::get<int>(part))]);
  }
  for (size_t i = 0; i < intervals.class_of.size(); ++i) {
    std::fill(compiled_->class_of.begin() + intervals.starts[i], compiled_->class_of.begin() + intervals.starts[i + 1],
              static_cast<uint8_t>(intervals.class_of[i]));
  }
  int error = 0;
  PCRE2_SIZE where = 0;
  compiled_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR8>(bytes.data()), bytes.size(),
                                      PCRE2_DOTALL | PCRE2_NEVER_UTF, &error, &where, nullptr));
  if (!compiled_->code) {
    throw UserError(ExitCode::input, fmt::format("tokenizer.json: the regular expression \"{}\" is not supported: {}. "
                                                 "Give the prompt as token ids.",
                                                 pattern, pcre2_message(error)));
  }
  pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT, pcre2_match interprets
}

SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;

bool SplitRegex::Compiled::search(size_t start, size_t& begin, size_t& end) const {
  Scratch& own = scratch();
  const auto run = [&](uint32_t options) {
    return pcre2_match(code.get(), own.subject.data(), own.subject.size(), start, options, own.data.get(),
                       own.context.get());
  };
  int result = run(0);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = run(PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0) {
    throw UserError(ExitCode::input,
                    fmt::format("the tokenizer's regular expression \"{}\" cannot be searched for in this text of "
                                "{} characters: {}. Shorten the text, or give token ids.",
                                pattern, own.subject.size(), pcre2_message(result)));
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(own.data.get());
  begin = ends[0];
  end = ends[1];
  return true;
}

std::vector<TextMatch> SplitRegex::find(std::string_view text) const {
  if (text.empty()) return {{0, 0, false}};
  auto& subject = scratch().subject;
  subject.clear();
  for (size_t offset = 0; offset < text.size();) {
    const auto c = decode_valid_utf8(text, offset);
    subject.push_back(compiled_->class_of[c.value]);
    offset += c.length;
  }
  std::vector<TextMatch> matches;
  size_t character = 0, offset = 0;  // the same place, counted both ways
  const auto byte_offset = [&](size_t target) {
    for (; character < target; ++character) offset += decode_valid_utf8(text, offset).length;
    return offset;
  };
  const size_t none = subject.size() + 1;
  size_t start = 0, last_end = none, covered = 0, begin = 0, end = 0;
  while (start <= subject.size() && compiled_->search(start, begin, end)) {
    if (begin == end && end == last_end) {
      ++start;
      continue;
    }
    const size_t from = byte_offset(begin);
    if (from > covered) matches.push_back({covered, from, false});
    covered = byte_offset(end);
    matches.push_back({from, covered, true});
    start = last_end = end;
  }
  if (covered < text.size()) matches.push_back({covered, text.size(), false});
  return matches;
}

}  // namespace kvdiff
