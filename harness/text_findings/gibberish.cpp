#include "harness/text_findings/gibberish.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cache_backends/error.h"
#include "harness/text_findings/loops.h"
#include "harness/text_findings/utf8.h"

namespace kvdiff {

namespace {

constexpr int64_t run_length = 4;   // tokens of a run that repetition looks for
constexpr int64_t look_back = 256;  // how far back it looks

int64_t count(const GeneratedText& text) { return static_cast<int64_t>(text.tokens.size()); }

std::string joined(const GeneratedText& text, int64_t first, int64_t end) {
  std::string bytes;
  for (int64_t i = first; i < end; ++i) bytes += text.pieces[static_cast<size_t>(i)];
  return bytes;
}

bool says_something(std::string_view bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
  });
}

bool is_blank(std::string_view bytes) { return bytes.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos; }

std::optional<GibberishFinding> find_empty(const GeneratedText& text) {
  if (!is_blank(joined(text, 0, count(text)))) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::empty;
  finding.onset = 0;
  finding.evidence = fmt::format("{} tokens, and not one character that is no white space", count(text));
  return finding;
}

std::optional<GibberishFinding> find_invalid_utf8(const GeneratedText& text) {
  const std::string bytes = joined(text, 0, count(text));
  const std::optional<size_t> place = first_invalid_utf8(bytes, !text.ended);
  if (!place) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::invalid_utf8;
  size_t length = 0;
  for (finding.onset = 0; finding.onset < count(text); ++finding.onset) {
    length += text.pieces[static_cast<size_t>(finding.onset)].size();
    if (length > *place) break;
  }
  finding.evidence = fmt::format("byte {} of the text, 0x{:02x}, does not begin or continue a UTF-8 character", *place,
                                 static_cast<unsigned char>(bytes[*place]));
  return finding;
}

std::optional<GibberishFinding> find_loop(const GeneratedText& text, const GibberishRules& rules) {
  const auto enough = [&](const Loop& loop) {
    const bool says = says_something(joined(text, loop.first, loop.first + loop.period));
    const bool stuck = loop.end == count(text) && !text.ended;
    const int64_t factor = (says ? 1 : 2) * (stuck ? 1 : 2);
    return loop.tokens() >= factor * rules.loop_tokens && loop.turns() >= factor * rules.loop_turns;
  };
  const std::optional<Loop> loop = first_loop(text.tokens, enough);
  if (!loop) return std::nullopt;
  GibberishFinding finding;
  finding.kind = loop->period == 1 ? GibberishKind::stuck_token : GibberishKind::loop;
  finding.onset = loop->first;
  finding.period = loop->period;
  finding.period_text = joined(text, loop->first, loop->first + loop->period);
  finding.turns = loop->turns();
  finding.evidence = fmt::format("{} token{} repeated {} times, from token {} to {}{}", loop->period,
                                 loop->period == 1 ? "" : "s", loop->turns(), loop->first, loop->end - 1,
                                 loop->end == count(text) ? ", the end" : "");
  return finding;
}

// repeated[i]: the run of four tokens that ends at i stood in the tokens before.
std::vector<bool> repeated_runs(const GeneratedText& text) {
  std::vector<bool> repeated(text.tokens.size(), false);
  std::unordered_map<uint64_t, std::vector<int64_t>> places;  // by a hash; compared token by token
  const auto same_run = [&](int64_t a, int64_t b) {
    return std::equal(text.tokens.begin() + (a - run_length + 1), text.tokens.begin() + (a + 1),
                      text.tokens.begin() + (b - run_length + 1));
  };
  for (int64_t i = run_length - 1; i < count(text); ++i) {
    uint64_t hash = 0;
    for (int64_t j = i - run_length + 1; j <= i; ++j)
      hash = hash * 0x9e3779b97f4a7c15u + static_cast<uint32_t>(text.tokens[static_cast<size_t>(j)]);
    std::vector<int64_t>& before = places[hash];
    for (auto place = before.rbegin(); place != before.rend() && i - *place <= look_back; ++place)
      if (same_run(i, *place)) {
        repeated[static_cast<size_t>(i)] = true;
        break;
      }
    before.push_back(i);
  }
  return repeated;
}

// The stretch up to the end that is most clearly denser than half repeated: of all onsets, the one with the largest sum of
// +1/2 for a repeated token and -1/2 for another. (The longest stretch with the full share would reach far back into sound
// text once the tail is long.)
std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules) {
  const std::vector<bool> repeated = repeated_runs(text);
  int64_t balance = 0, best = 0, onset = count(text), sum = 0;
  for (int64_t i = count(text) - 1; i >= 0; --i) {
    balance += repeated[static_cast<size_t>(i)] ? 1 : -1;
    if (balance < best) continue;
    best = balance;
    onset = i;
  }
  for (int64_t i = onset; i < count(text); ++i) sum += repeated[static_cast<size_t>(i)];
  const int64_t length = count(text) - onset;
  const bool dense = static_cast<double>(sum) >= rules.repetition_share * static_cast<double>(length);
  if (!dense || length < rules.repetition_tokens) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::repetition;
  finding.onset = onset;
  finding.evidence = fmt::format("{} of the last {} tokens end a run of {} that stood in the {} tokens before it", sum,
                                 length, run_length, look_back);
  return finding;
}

bool is_stuck(GibberishKind kind) {
  return kind == GibberishKind::loop || kind == GibberishKind::stuck_token || kind == GibberishKind::repetition;
}

bool same_way(GibberishKind a, GibberishKind b) { return a == b || (is_stuck(a) && is_stuck(b)); }

}  // namespace

std::string_view name_of(GibberishKind kind) {
  switch (kind) {
    case GibberishKind::none: return "none";
    case GibberishKind::loop: return "loop";
    case GibberishKind::repetition: return "repetition";
    case GibberishKind::stuck_token: return "stuck_token";
    case GibberishKind::invalid_utf8: return "invalid_utf8";
    case GibberishKind::empty: return "empty";
  }
  throw InternalError("a kind of gibberish that has no name");
}

GibberishFinding find_gibberish(const GeneratedText& text, const GibberishRules& rules) {
  if (text.tokens.size() != text.pieces.size())
    throw InternalError(fmt::format("{} tokens with {} pieces of text", text.tokens.size(), text.pieces.size()));
  if (const auto finding = find_empty(text)) return *finding;
  GibberishFinding first;
  // A loop is repetition, too, and says more: it is asked first, and repetition must set in a turn earlier to win.
  for (const auto& finding : {find_loop(text, rules), find_repetition(text, rules), find_invalid_utf8(text)}) {
    if (!finding) continue;
    const int64_t lead = finding->kind == GibberishKind::repetition ? first.period + look_back / 4 : 0;
    if (first.kind == GibberishKind::none || finding->onset + lead < first.onset) first = *finding;
  }
  return first;
}

GibberishFinding detect_gibberish(const GeneratedText& reference, const GeneratedText& candidate,
                                  const GibberishRules& rules) {
  GibberishFinding found = find_gibberish(candidate, rules);
  if (found.kind == GibberishKind::none) return found;
  const GibberishFinding reference_found = find_gibberish(reference, rules);
  if (reference_found.kind == GibberishKind::none || !same_way(reference_found.kind, found.kind)) return found;
  if (reference_found.onset > found.onset + rules.reference_slack) {
    found.evidence += fmt::format("; the reference begins only at token {}", reference_found.onset);
    return found;
  }
  GibberishFinding excused;
  excused.reference_too = true;
  excused.evidence = fmt::format("{} from token {}, but the reference does the same from token {}", name_of(found.kind),
                                 found.onset, reference_found.onset);
  return excused;
}

}  // namespace kvdiff
