#include "harness/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "cache_backends/error.h"
#include "harness/audit/evidence.h"
#include "harness/audit/handled.h"

namespace kvdiff {
namespace {

using Place = std::pair<int, Side>;

// The cache and the spec's own, fed alike.
struct Pair {
  std::unique_ptr<KvCache> audited, sound;
  void append(const Tape& tape, int layer, int64_t first, int64_t count);
};

void Pair::append(const Tape& tape, int layer, int64_t first, int64_t count) {
  tape.append_layer(*audited, layer, first, count);
  tape.append_layer(*sound, layer, first, count);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Every update, every layer, as attention would read it.
class Comparison {
 public:
  Comparison(const AuditInput& input, const Tape& tape) : input_(input), tape_(tape) {}

  std::vector<AuditedPart> run() {
    const Tape& tape = tape_;
    Pair pair{input_.make(tape.shape), make_cache(input_.spec, tape.shape)};
    for (int64_t update = 0; update < tape.updates(); ++update) {
      const int64_t first = update == 0 ? 0 : tape.prompt + update - 1;
      for (int layer = 0; layer < tape.shape.layers; ++layer) {
        pair.append(tape, layer, first, update == 0 ? tape.prompt : 1);
        if (is_read(update)) compare(pair, layer, update);
        pair.audited->count_read(layer);
      }
    }
    std::vector<AuditedPart> parts;
    for (auto& [place, part] : parts_) parts.push_back(std::move(part));
    std::stable_sort(parts.begin(), parts.end(), [](const AuditedPart& a, const AuditedPart& b) { return a.first_update < b.first_update; });
    return parts;
  }

 private:
  bool is_read(int64_t update) const {
    constexpr int64_t stride = 8, first = 2;
    return tape_.tokens <= long_text || update <= first || update % stride == 0 || update + 1 == tape_.updates();
  }
  void compare(const Pair& pair, int layer, int64_t update) {
    const KvPages found = pair.audited->pages(layer), sound = pair.sound->pages(layer);
    const bool told = pair.audited->length(layer) == pair.sound->length(layer);
    for (const Side side : {Side::key, Side::value}) {
      const std::vector<float> a = decoded(found, side, tape_.shape), b = decoded(sound, side, tape_.shape);
      if (told && same_bits(a, b)) continue;
      note(layer, side, update, a, b, sound.tokens);
    }
  }

  void note(int layer, Side side, int64_t update, const std::vector<float>& found, const std::vector<float>& sound, int64_t tokens) {
    const auto [place, fresh] = parts_.try_emplace(Place{layer, side});
    AuditedPart& part = place->second;
    if (fresh) part = {layer, side, {}, update, update, tokens, 0, 0};
    part.last_update = update;
    part.elements = 0;
    if (found.size() != sound.size()) return;
    double difference = 0, all = 0;
    const auto size = static_cast<size_t>(tape_.shape.head_size);
    for (size_t i = 0; i < found.size(); ++i) {
      all += static_cast<double>(sound[i]) * sound[i];
      if (std::memcmp(&found[i], &sound[i], sizeof(float)) == 0) continue;
      ++part.elements;
      const double rest = static_cast<double>(found[i]) - sound[i];
      difference += rest * rest;
      const auto row = static_cast<int64_t>(i / size), head = row / tokens % tape_.shape.heads;
      if (std::find(part.heads.begin(), part.heads.end(), head) == part.heads.end()) part.heads.push_back(head);
      if (update == part.first_update) part.first_token = std::min(part.first_token, row % tokens);
    }
    std::sort(part.heads.begin(), part.heads.end());
    part.relative = all > 0 && std::isfinite(difference) ? std::sqrt(difference / all) : std::isfinite(difference) ? 0 : HUGE_VAL;
  }

  const AuditInput& input_;
  const Tape& tape_;
  std::map<Place, AuditedPart> parts_;
};

// Empty, too, where the codec cannot hold two sequences of this length.
std::vector<AuditedPart> compared(const AuditInput& input, const Tape& tape) {
  try {
    return Comparison(input, tape).run();
  } catch (const UserError& error) {
    if (error.code() == ExitCode::usage) return {};
    throw;
  }
}

std::vector<float> given(const Tape& tape, int layer, Side side, int64_t tokens) {
  const std::vector<float>& all = (side == Side::key ? tape.key : tape.value)[static_cast<size_t>(layer)];
  std::vector<float> out;
  for (int64_t head = 0; head < tape.shape.heads; ++head) {
    const auto begin = all.begin() + head * tape.stride * tape.shape.head_size;
    out.insert(out.end(), begin, begin + tokens * tape.shape.head_size);
  }
  return out;
}

void mark_changed(Evidence& evidence) {
  evidence.changed.assign(static_cast<size_t>(evidence.shape.heads * evidence.tokens), 0);
  if (evidence.found.size() != evidence.sound.size()) return;
  for (const int64_t head : evidence.heads)
    for (int64_t token = 0; token < evidence.tokens; ++token) {
      const size_t first = evidence.at(head, token);
      evidence.changed[static_cast<size_t>(head * evidence.tokens + token)] =
          std::memcmp(evidence.found.data() + first, evidence.sound.data() + first, static_cast<size_t>(evidence.size()) * sizeof(float)) != 0;
    }
}

// Both caches once more, up to the update where the part last differs.
Evidence evidence_of(const AuditInput& input, const AuditedPart& part) {
  const Tape& tape = input.tape;
  Evidence evidence{input, tape.shape, part.layer, part.side, part.heads, part.last_update, 0, 0, tape.prompt, 0, {}, {}, {}, {}, {}, {}};
  Pair pair{input.make(tape.shape), make_cache(input.spec, tape.shape)};
  for (int64_t update = 0; update <= part.last_update; ++update)
    for (int layer = 0; layer < tape.shape.layers; ++layer) {
      pair.append(tape, layer, update == 0 ? 0 : tape.prompt + update - 1, update == 0 ? tape.prompt : 1);
      if (update != part.last_update) continue;
      const KvPages sound = pair.sound->pages(layer);
      evidence.key.push_back(decoded(sound, Side::key, tape.shape));
      evidence.value.push_back(decoded(sound, Side::value, tape.shape));
      if (layer != part.layer) continue;
      const KvPages found = pair.audited->pages(layer);
      evidence.tokens = sound.tokens;
      evidence.found_tokens = found.tokens;
      evidence.told_length = pair.audited->length(layer);
      evidence.found = decoded(found, part.side, tape.shape);
    }
  evidence.sound = (part.side == Side::key ? evidence.key : evidence.value)[static_cast<size_t>(part.layer)];
  evidence.given = given(tape, part.layer, part.side, evidence.tokens);
  mark_changed(evidence);
  return evidence;
}

// Sound as long as nothing is done to it: what is the first operation that it does not survive?
void audit_handling(const AuditInput& input, Audit& audit) {
  for (const HandlingRow& row : audit.handling) {
    if (!row.difference) continue;
    const int64_t update = std::max<int64_t>(0, row.difference->update);
    AuditedPart part{row.difference->layer, row.difference->side.value_or(Side::key), {}, update, update, 0, 0, 0};
    audit.parts = {part};
    audit.operation = row.operation;
    audit.evidence = fmt::format("after \"{}\" it {}", row.operation, text_of(*row.difference));
    break;
  }
  if (audit.parts.empty()) {
    const BatchOfTwo batch(input.tape);
    audit.parts = compared(input, batch.tape());
    if (!audit.parts.empty()) audit.operation = "a batch of two";
    audit.evidence = "one sequence alone is read rightly, two at once are not";
  }
  audit.conforms = audit.parts.empty();
  audit.cause = audit.conforms ? "" : cause::state;
  audit.explained = audit.conforms ? 0 : 1;
  if (audit.conforms) audit.evidence.clear();
}

}  // namespace

Audit audit_cache(const AuditInput& input) {
  if (input.tape.shape.batch != 1) throw InternalError("an audit reads one sequence");
  Audit audit;
  audit.parts = Comparison(input, input.tape).run();
  audit.handling = check_handling(input);
  audit.conforms = audit.parts.empty();
  if (audit.conforms) audit_handling(input, audit);
  if (audit.conforms || !audit.operation.empty()) return audit;
  const Guess guess = best_guess(evidence_of(input, audit.parts.front()));
  audit.cause = guess.cause;
  audit.evidence = guess.text;
  audit.explained = guess.explained;
  return audit;
}

}  // namespace kvdiff
