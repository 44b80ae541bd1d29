#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Walk;

// either_breaks: each is enough to break it, so neither exempted alone heals. only_together: each alone does next to
// nothing, so either exempted heals.
enum class PairKind { either_breaks, only_together };
std::string_view name_of(PairKind kind);

// Shares of the candidate's KLD.
struct PairFinding {
  PairKind kind = PairKind::either_breaks;
  Part one, other;
  std::optional<double> exempt_one, exempt_other, exempt_both;  // recovered
  std::optional<double> alone_one, alone_other, alone_both;     // made, with nothing else quantized
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
};

// Where one part is named that does little alone, those that heal as well as it does are quantized with it.
void find_company(Walk& walk);

}  // namespace kvdiff
