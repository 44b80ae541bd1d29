#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "harness/checks/groups.h"
#include "harness/checks/probe.h"

// What the files cannot tell: whether the whole of it still is a model of language. The reference reads a natural text.
namespace kvdiff {
namespace {

bool usable(const ReferenceFacts& facts) {
  return !facts.losses.empty() && std::all_of(facts.losses.begin(), facts.losses.end(), [](double one) { return std::isfinite(one); });
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double one : values) sum += one;
  return sum / static_cast<double>(std::max<size_t>(1, values.size()));
}

std::string by_quarters(const std::vector<double>& losses) {
  std::vector<std::string> quarters;
  for (size_t i = 0; i < 4; ++i) {
    const size_t first = losses.size() * i / 4, end = losses.size() * (i + 1) / 4;
    quarters.push_back(fmt::format("{:.2f}", mean(std::span(losses).subspan(first, end - first))));
  }
  return fmt::format("{}", fmt::join(quarters, ", "));
}

// Small models of language need 1.2 to 1.5 bits per character of this text, compressors that know no language above 2.
constexpr double most_bits = 1.75;

double bits_per_character(const ReferenceFacts& facts, const std::vector<double>& losses) {
  return mean(losses) * static_cast<double>(losses.size()) / std::log(2.0) / static_cast<double>(facts.characters);
}

// Bounds, from SmolLM2 (tests/harness/checks/make_language_figures.py): sound, it pays 0.3 to 0.9 nats per token more than it
// expects to in any language, whatever it pays, and 0.2 to 0.8 for a token of its own text; shuffled words cost it 2.7 nats
// more and up. Damaged, it is sure of what is not there.
constexpr double surely_wrong = 2, likely_wrong = 1, own_of_the_damaged = 1.5, least_order = 0.5, own_of_the_flat = 4;

struct Doubts {
  double excess = 0;         // loss less entropy, nats per token
  std::optional<double> order, own;
};

Doubts doubts_of(const ReferenceFacts& facts) {
  Doubts doubts{mean(facts.losses) - mean(facts.entropies), {}, {}};
  if (!facts.shuffled.empty()) doubts.order = mean(facts.shuffled) - mean(facts.losses);
  if (!facts.own.empty()) doubts.own = mean(facts.own);
  return doubts;
}

std::string text_of(const Doubts& doubts) {
  std::string text = fmt::format("{:.2f} nats per token beyond what it expects to pay", doubts.excess);
  if (doubts.order) text += fmt::format(", {:.2f} more for the words shuffled", *doubts.order);
  if (doubts.own) text += fmt::format(", {:.2f} for its own text", *doubts.own);
  return text;
}

// What no language explains. A comparison with what is not finite is false: then it is not proved.
bool damaged(const Doubts& doubts) {
  if (doubts.excess >= surely_wrong) return true;
  if (doubts.excess >= likely_wrong && doubts.own.value_or(0) >= own_of_the_damaged) return true;
  return doubts.order && *doubts.order < least_order && doubts.own.value_or(0) >= own_of_the_flat;
}

CheckResult loss(const CheckInput& input) {
  constexpr int64_t smallest_vocabulary = 4096;
  const ReferenceFacts& facts = *input.reference;
  if (input.model.config->vocabulary_size < smallest_vocabulary) return not_applicable("a vocabulary below 4096 tokens is not that of a model of language");
  if (!usable(facts)) return not_applicable("no finite losses: see arithmetic.finite");
  std::string text = fmt::format("{:.2f} bits per character of an English text ({:.2f} nats per token; by quarters {})",
                                 bits_per_character(facts, facts.losses), mean(facts.losses), by_quarters(facts.losses));
  if (!doubtful(facts)) return passed(text);
  const Doubts doubts = doubts_of(facts);
  text += "; " + text_of(doubts);
  if (!damaged(doubts))
    return undecided(text + ": a model that knows little English reads so, and one with some damage does, too; if it is a model of English, get its files again");
  return failed(text, fmt::format("at most {} bits, or a model that knows what it does not know: less than {:g} nats beyond what it expects", most_bits, surely_wrong),
                "get weights, config.json and tokenizer.json again, all from one place: together they are no model of any language");
}

struct Gain {
  double theta = 0, nats = 0, errors = 0;  // per token; nats / standard error
  const ThetaProbe* probe = nullptr;
};

Gain gain_of(const ReferenceFacts& facts, const ThetaProbe& probe) {
  std::vector<double> differences;
  for (size_t i = 0; i < facts.losses.size(); ++i) differences.push_back(facts.losses[i] - probe.losses[i]);
  const double middle = mean(differences);
  double variance = 0;
  for (const double one : differences) variance += (one - middle) * (one - middle);
  const auto count = static_cast<double>(differences.size());
  const double error = std::sqrt(variance / (count - 1) / count);
  return {probe.theta, middle, error > 0 ? middle / error : 0, &probe};
}

// Paired token by token: the same text, the same weights, only the base differs. What is no model of language with any base
// has another fault, and then one base may be better by chance.
CheckResult rope_theta(const CheckInput& input) {
  constexpr double least_nats = 0.03, least_errors = 3;
  const ReferenceFacts& facts = *input.reference;
  const double own = input.model.config->rope.theta;
  if (facts.thetas.empty() || !usable(facts) || facts.losses.size() < 2) return not_applicable("no other base was tried");
  Gain best;
  for (const ThetaProbe& probe : facts.thetas) {
    const Gain gain = gain_of(facts, probe);
    if (gain.nats > best.nats) best = gain;
  }
  if (best.nats < least_nats || best.errors < least_errors) return passed(fmt::format("no other base makes a natural text clearly likelier than {:g} does", own));
  if (bits_per_character(facts, best.probe->losses) > most_bits) return not_applicable("no base makes it a model of language");
  return failed(fmt::format("a text that is likelier with rope_theta {:g} than with {:g}: {:.2f} nats per token less, {:.1f} standard errors "
                            "(by quarters {} instead of {})",
                            best.theta, own, best.nats, best.errors, by_quarters(best.probe->losses), by_quarters(facts.losses)),
                "config.json's own base to be the best", "take rope_theta from the config.json that the model was published with");
}

constexpr CheckRow rows[] = {
    {"reference.rope_theta", "a wrong RoPE base: another one makes natural text likelier",
     "a base that is off by little; a wrong rope scaling", needs_config | needs_reference, rope_theta},
    {"reference.loss", "the reference is sure of what is not there: shuffled or exchanged weights, another model's tokenizer or configuration",
     "damage that costs little, such as one matrix of 210 shuffled; undecided, not failed, for models that know little English and for "
     "damage that looks like that",
     needs_config | needs_reference, loss},
};

}  // namespace

bool doubtful(const ReferenceFacts& facts) { return usable(facts) && facts.characters > 0 && bits_per_character(facts, facts.losses) > most_bits; }

std::span<const CheckRow> reference_checks() { return rows; }

}  // namespace kvdiff
