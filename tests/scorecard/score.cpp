#include "tests/scorecard/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace kvdiff::scorecard {
namespace {

constexpr double least_caught = 0.95, least_placed = 0.90, least_classified = 0.85;

struct Counts {
  int planted = 0, caught = 0, placed = 0, classified = 0, invisible = 0, below = 0;
  int askable() const { return planted - invisible - below; }
  void add(const Scored& one) {
    const Verdict verdict = verdict_of(one);
    ++planted;
    invisible += verdict == Verdict::invisible;
    below += verdict == Verdict::below;
    if (verdict != Verdict::caught) return;
    ++caught;
    placed += scorecard::placed(one);
    classified += scorecard::classified(one);
  }
};

std::string share(int part, int whole) { return whole == 0 ? "    –" : fmt::format("{:4.0f} %", 100.0 * part / whole); }

std::string row(const std::string& name, const Counts& counts) {
  return fmt::format("  {:<34} {:>7} {:>7} {:>7} {:>7} {:>7}  {:>9} {:>6}\n", name, counts.planted, counts.askable(), share(counts.caught, counts.askable()),
                     share(counts.placed, counts.caught), share(counts.classified, counts.caught), counts.invisible, counts.below);
}

std::string head(const std::string& title) {
  return fmt::format("\n  {:<34} {:>7} {:>7} {:>7} {:>7} {:>7}  {:>9} {:>6}\n", title, "PLANTED", "ASKED", "CAUGHT", "PLACED", "NAMED", "INVISIBLE", "BELOW");
}

std::string tables(const std::vector<Scored>& all, const std::string& title, std::string (*key)(const Scored&)) {
  std::map<std::string, Counts> rows;
  for (const Scored& one : all)
    if (!one.planted.clean()) rows[key(one)].add(one);
  std::string text = head(title);
  for (const auto& [name, counts] : rows) text += row(name, counts);
  return text;
}

std::string by_class(const Scored& one) { return one.planted.fault ? std::string(one.planted.fault->cause) : one.planted.outlier_cause; }
std::string by_family(const Scored& one) { return one.planted.fault ? std::string(one.planted.fault->family) : "P"; }
std::string by_model(const Scored& one) { return one.planted.model; }
std::string by_strength(const Scored& one) {
  if (!one.planted.fault || one.planted.fault->weakest == one.planted.fault->strongest) return "without a strength";
  const PlantedFault& fault = *one.planted.fault;
  const double place = std::log(one.planted.place.strength / fault.weakest) / std::log(fault.strongest / fault.weakest);
  return place < 1.0 / 3 ? "1 weakest third of its range" : place < 2.0 / 3 ? "2 middle third" : "3 strongest third";
}

const char* name_of(Verdict verdict) {
  constexpr const char* names[] = {"caught", "missed", "invisible", "below", "clean", "false alarm", "failed"};
  return names[static_cast<int>(verdict)];
}

std::string what(const Planted& one) {
  if (one.fault) return text_of(*one.fault, one.place);
  return one.outlier_cause.empty() ? fmt::format("clean, wrapping {}", one.wrapping) : "the format itself";
}

std::string lists(const std::vector<Scored>& all) {
  std::string text;
  for (const Scored& one : all) {
    const Verdict verdict = verdict_of(one);
    const bool wrong = verdict == Verdict::missed || verdict == Verdict::false_alarm || verdict == Verdict::failed ||
                       (verdict == Verdict::caught && (!placed(one) || !classified(one)));
    if (wrong || verdict == Verdict::invisible || verdict == Verdict::below) text += line_of(one) + "\n";
  }
  return text;
}

}  // namespace

Verdict verdict_of(const Scored& one) {
  const Diagnosis& diagnosis = one.outcome.diagnosis;
  if (!one.outcome.answered) return Verdict::failed;
  const bool accused = diagnosis.conformance.accused();
  if (one.planted.clean()) return accused || !diagnosis.conformance.asked || !diagnosis.conformance.audit.conforms ? Verdict::false_alarm : Verdict::clean;
  if (!one.planted.fault) return diagnosis.finding == Finding::found || diagnosis.finding == Finding::diffuse ? Verdict::caught : Verdict::missed;
  if (accused) return Verdict::caught;
  if (!one.outcome.visible) return Verdict::invisible;
  if (diagnosis.conformance.asked && !diagnosis.conformance.audit.conforms) return Verdict::below;
  return Verdict::missed;
}

bool placed(const Scored& one) {
  const Diagnosis& diagnosis = one.outcome.diagnosis;
  if (!one.planted.fault)
    return std::all_of(diagnosis.place.set.parts.begin(), diagnosis.place.set.parts.end(), [](const Part& part) { return part.side == Side::key; });
  const AuditedPart& part = diagnosis.conformance.audit.parts.front();
  const FaultPlace& place = one.planted.place;
  if (part.layer != place.layer || (part.side != place.side && !one.planted.fault->both_sides)) return false;
  if (one.planted.fault->operation != PlantedFault::Operation::none || !diagnosis.conformance.audit.operation.empty()) return true;
  const int64_t flush = std::max<int64_t>(1, parse_cache_spec(one.planted.spec).lane.residual);
  return part.first_update >= place.update && part.first_update <= place.update + flush;
}

bool classified(const Scored& one) {
  return one.outcome.diagnosis.cause.name == (one.planted.fault ? one.planted.fault->cause : std::string_view(one.planted.outlier_cause));
}

std::string line_of(const Scored& one) {
  const Diagnosis& diagnosis = one.outcome.diagnosis;
  const Audit& audit = diagnosis.conformance.audit;
  const std::string found = !one.outcome.answered ? one.outcome.error
                            : audit.conforms      ? fmt::format("{} {}", name_of(diagnosis.finding), diagnosis.cause.name)
                                                  : fmt::format("{} from update {}: {}; {}", place_of(audit.parts.front()), audit.parts.front().first_update, audit.cause, audit.evidence);
  const auto& effect = diagnosis.conformance.effect;
  const std::string size = effect ? fmt::format("logits {:.3g}, floor {:.3g}", effect->largest, effect->floor.value_or(-1)) : "";
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.1f} s", one.planted.number, name_of(verdict_of(one)), one.planted.model, one.planted.spec, what(one.planted),
                     found, size, one.outcome.seconds);
}

Card card_of(const std::vector<Scored>& all) {
  Counts total;
  int clean = 0, alarms = 0, failed = 0;
  for (const Scored& one : all) {
    const Verdict verdict = verdict_of(one);
    failed += verdict == Verdict::failed;
    if (!one.planted.clean()) total.add(one);
    else ++clean, alarms += verdict == Verdict::false_alarm;
  }
  Card card;
  card.text += tables(all, "BY CLASS", by_class) + tables(all, "BY FAMILY OF REAL FAILURES", by_family) +
               tables(all, "BY STRENGTH", by_strength) + tables(all, "BY MODEL", by_model);
  card.text += head("ALL") + row("all", total);
  card.text += fmt::format("\n  {} clean, {} false alarms; {} failed\n", clean, alarms, failed);
  card.text += "\nMissed, misplaced, misnamed, and what cannot be caught (invisible: no bit that attention reads differs; below: the\nlogits change by less than the arithmetic floor):\n" + lists(all);
  card.holds = total.caught >= least_caught * total.askable() && total.placed >= least_placed * total.caught &&
               total.classified >= least_classified * total.caught && alarms == 0 && failed == 0;
  card.text += fmt::format("\n{}: caught {} of {}, placed {}, named {}; {} false alarms in {} clean\n", card.holds ? "HOLDS" : "DOES NOT HOLD", total.caught,
                           total.askable(), total.placed, total.classified, alarms, clean);
  return card;
}

}  // namespace kvdiff::scorecard
