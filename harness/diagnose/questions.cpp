#include "harness/diagnose/questions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace kvdiff {
namespace {

bool gibberish(const DiagnosedLane& lane) { return lane.gibberish_onset >= 0; }

std::string reads(const DiagnosedLane& lane) {
  std::string text = lane.parts_at ? fmt::format("parts at token {}", *lane.parts_at) : "keeps the reference's text";
  if (gibberish(lane)) text += fmt::format(" and turns to gibberish ({}) at token {}", lane.gibberish, lane.gibberish_onset);
  return text;
}

QuestionAnswer disabling(const Diagnosis& diagnosis) {
  QuestionAnswer result{"Does disabling quantization fix generation?", Answer::undecided, ""};
  if (diagnosis.lanes.size() < 2) return result;
  const DiagnosedLane &reference = diagnosis.lanes[0], &candidate = diagnosis.lanes[1];
  if (diagnosis.finding == Finding::elsewhere) {
    result.answer = Answer::no;
    result.evidence = diagnosis.headline;
  } else if (gibberish(reference)) {
    result.answer = Answer::no;
    result.evidence = fmt::format("Without quantization the text turns to gibberish ({}) at token {}, too: look at the model files, the prompt's "
                                  "format and the tokenizer before the cache.", reference.gibberish, reference.gibberish_onset);
  } else if (diagnosis.finding == Finding::nothing) {
    result.evidence = candidate.parts_at ? fmt::format("There is nothing to fix: the text parts at token {}, but by no more than rounding does.", *candidate.parts_at)
                                         : "There is nothing to fix: with this cache the text is the reference's.";
  } else {
    result.answer = Answer::yes;
    result.evidence = fmt::format("Without quantization no gibberish is found; with {} the text {}.", candidate.name, reads(candidate));
  }
  return result;
}

QuestionAnswer handling(const Diagnosis& diagnosis) {
  QuestionAnswer result{"Is cache handling sound?", Answer::undecided, "It was not checked."};
  if (diagnosis.handling.empty()) return result;
  if (diagnosis.conformance.accused() && diagnosis.conformance.audit.operation.empty()) {
    result.evidence = "It cannot be told: this cache is wrong already where nothing is done to it.";
    return result;
  }
  std::vector<std::string> done;
  for (const HandlingCheck& check : diagnosis.handling) {
    if (!check.sound) return {result.question, Answer::no, fmt::format("{}: {}.", check.operation, check.detail)};
    done.push_back(check.operation);
  }
  result.answer = Answer::yes;
  result.evidence = fmt::format("Bit-equal to a cache that it was never done to: {}. The peer's own handling is not run.",
                                fmt::join(done, "; "));
  return result;
}

QuestionAnswer gentler(const Diagnosis& diagnosis) {
  QuestionAnswer result{"Is a gentler format stable where this one is not?", Answer::undecided, ""};
  if (diagnosis.lanes.size() < 3) {
    result.evidence = "No gentler format is known for this candidate.";
    return result;
  }
  std::vector<std::string> found;
  result.answer = Answer::no;
  const double limit = (1 - SetRule{}.target) * diagnosis.lanes[1].kld_mean;
  for (size_t i = 2; i < diagnosis.lanes.size(); ++i) {
    const DiagnosedLane& lane = diagnosis.lanes[i];
    found.push_back(fmt::format("{} {}, mean KLD {:.2g}", lane.name, reads(lane), lane.kld_mean));
    if (lane.kld_mean <= limit && !gibberish(lane)) result.answer = Answer::yes;
  }
  if (diagnosis.finding == Finding::nothing) result.answer = Answer::undecided;
  result.evidence = fmt::format("{} (this one: {:.2g}).", fmt::join(found, "; "), diagnosis.lanes[1].kld_mean);
  return result;
}

std::string cost(const CureFinding& cure) {
  if (cure.candidate_bytes <= 0) return "";
  const double more = static_cast<double>(cure.bytes) / static_cast<double>(cure.candidate_bytes) - 1;
  return fmt::format("{:+.1f} % bytes", 100 * more);
}

QuestionAnswer works(const Diagnosis& diagnosis) {
  QuestionAnswer result{"Which configuration works, and what does it cost?", Answer::undecided, ""};
  if (diagnosis.finding == Finding::nothing) {
    result.answer = Answer::yes;
    result.evidence = "This one does.";
  } else if (diagnosis.conformance.accused()) {
    result.evidence = "The cache itself is at fault: a sound cache of the same spec has to be asked.";
    if (diagnosis.conformance.effect)
      result.evidence = fmt::format("The cache itself is at fault: a sound one of the same spec has a mean KLD of {:.3g} where this one has {:.3g}.",
                                    diagnosis.conformance.effect->sound_kld, diagnosis.conformance.effect->kld);
  } else if (!diagnosis.cure.name.empty()) {
    result.answer = Answer::yes;
    result.evidence = fmt::format("{}: recovers {}, {}, {}.", diagnosis.cure.spec.text, percent_of(diagnosis.cure.recovery),
                                  diagnosis.cure.keeps_text ? "keeps the text" : "but the text still parts", cost(diagnosis.cure));
  } else {
    const bool asked = std::any_of(diagnosis.remedies.begin(), diagnosis.remedies.end(), [](const RemedyResult& one) { return one.recovery.has_value(); });
    if (asked) result.answer = Answer::no;
    result.evidence = asked ? "None of the remedies tried recovers 80 %." : "No remedy was tried.";
  }
  return result;
}

std::string channels_text(const Diagnosis& diagnosis) {
  if (diagnosis.place.channels.size() != 1) return "";
  return fmt::format(", channels {}", fmt::join(diagnosis.place.channels[0].channels, " and "));
}

std::string place_text(const Diagnosis& diagnosis) {
  const PlaceFinding& place = diagnosis.place;
  const bool one_head = place.heads && place.heads->parts.size() == 1;
  std::string text = fmt::format("From token {}", place.step);
  if (place.flush >= 0) text += place.flush == 0 ? ", as soon as the prompt's codes are read" : fmt::format(", after flush {}", place.flush);
  text += ": ";
  if (diagnosis.finding == Finding::diffuse)
    return text + fmt::format("diffuse; it takes {} of {} layer sides to recover {}{}", place.set.parts.size(), diagnosis.scan.size(),
                              percent_of(place.set.recovery), tokens_text(diagnosis));
  std::string company;
  if (const auto& pair = diagnosis.company.pair; pair && pair->kind == PairKind::only_together)
    company = fmt::format(", but only together with {}{}", pair->one_of_several() ? "others, like " : "", text_of(pair->other));
  return text + fmt::format("{}{}{}; exempting {} recovers {}", one_head ? text_of(place.heads->parts, 1) : text_of(place.set.parts, 6),
                            channels_text(diagnosis), company, place.set.parts.size() == 1 ? "that side" : place.pair ? "the pair" : "them",
                            percent_of(place.set.recovery)) + tokens_text(diagnosis);
}

}  // namespace

std::string percent_of(double share) { return std::isfinite(share) ? fmt::format("{:.0f} %", 100 * share) : "–"; }

std::string tokens_text(const Diagnosis& diagnosis) {
  constexpr double half = 0.5;
  for (const TokenScore& one : diagnosis.tokens.scores)
    if (one.tokens.first == 0 && one.tokens.second < 4 && one.recovery.value_or(0) >= half)
      return fmt::format("; exempting nothing but {}, {}, recovers {}", one.name, diagnosis.tokens.everything ? "on all sides" : "there", percent_of(*one.recovery));
  return "";
}

std::string text_of(const Parts& parts, size_t most) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(most, parts.size()); ++i) names.push_back(text_of(parts[i]));
  if (parts.size() > most) names.push_back(fmt::format("{} more", parts.size() - most));
  return fmt::format("{}", fmt::join(names, "; "));
}

std::vector<QuestionAnswer> four_questions(const Diagnosis& diagnosis) {
  return {disabling(diagnosis), handling(diagnosis), gentler(diagnosis), works(diagnosis)};
}

std::string headline_of(const Diagnosis& diagnosis) {
  if (diagnosis.finding == Finding::partial && diagnosis.place.set.parts.empty())
    return fmt::format("The budget of {} trials was too small to find the place.", diagnosis.budget.trials);
  std::string text = fmt::format("{}. Cause: {}.", place_text(diagnosis), diagnosis.cause.name);
  if (!diagnosis.cure.name.empty()) text += fmt::format(" Cheapest cure that was tried: {} ({}).", diagnosis.cure.spec.text, cost(diagnosis.cure));
  if (const std::string verdict = verdict_of(diagnosis.further_prompts); !verdict.empty()) text += fmt::format(" {}.", verdict);
  if (diagnosis.finding == Finding::partial) text += fmt::format(" The budget of {} trials was too small to finish.", diagnosis.budget.trials);
  return text;
}

}  // namespace kvdiff
