#pragma once
#include <string>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Remedy {
  std::string name;
  CacheSpec spec;
  bool same_bits = false;  // as many bits for the same tokens, laid out otherwise
  bool regrouped = false;  // of those: other elements share a scale, and groups are not made smaller to fit the data
  bool longer_window = false;  // the same codec, and more of the newest tokens in full precision
};

// What may be tried against this candidate, one row of the table each; rows that mean nothing here, or say what another
// has said, are left out. `accused`: whole sides.
std::vector<Remedy> remedies_for(const CacheSpec& spec, const CacheShape& shape, const Parts& accused);

// The same layout at 8 bits: a gentler format. Nothing where the side has 8 bits already, or none.
SideSpec at_eight_bits(const SideSpec& side);

// Formats that are known to be gentle, other than the candidate: the third question.
std::vector<Remedy> gentler_formats(const CacheSpec& spec, int64_t layers);

}  // namespace kvdiff
