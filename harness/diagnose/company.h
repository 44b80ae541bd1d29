#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Walk;

// either_breaks: each is enough to break it, so neither exempted alone heals. only_together: each alone does next to
// nothing, and the first exempted heals; so does the second, unless it is not the first one's only partner.
enum class PairKind { either_breaks, only_together };
std::string_view name_of(PairKind kind);

// Shares of the candidate's KLD.
struct PairFinding {
  PairKind kind = PairKind::either_breaks;
  Part one, other;
  std::optional<double> exempt_one, exempt_other, exempt_both;  // recovered
  std::optional<double> alone_one, alone_other, alone_both;     // made, with nothing else quantized
  bool one_of_several() const { return kind == PairKind::only_together && exempt_other.value_or(1) < 0.5; }
};

// Group tests for the partner of a side that does little alone, among all sides that do little alone.
struct PartnerSearch {
  int64_t sides = 0;   // that it began with
  int64_t left = 0;    // that the partner is still among: 1 where it was found
  std::string reason;  // why none was found; empty: it was
};

// The named set without one of its members.
struct MemberScore {
  Part part;
  std::optional<double> exempt_without;  // recovered with the others exempt
  std::optional<double> alone_without;   // made by the others, nothing else quantized
};

// The reverse of the question of place: is the named set enough by itself, and is all of it needed for that?
struct CompanyFinding {
  std::optional<double> alone;      // the set quantized alone makes this share of the candidate's KLD
  std::vector<MemberScore> members; // where the set has more than one
  std::optional<PairFinding> pair;
  std::optional<PartnerSearch> search;  // none: it was not needed
};

// Where one part is named that does little alone, its partner is sought. First those that heal as well as it does are
// quantized with it, each for itself. If that is not enough, half of all others are, and on into a half that is enough: about
// log2(sides) trials, two a round at most. Where no half is enough, it takes several at once, and that is said.
void find_company(Walk& walk);

}  // namespace kvdiff
