#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/audit/audit.h"

namespace kvdiff {

struct Case;
struct Loaded;
struct RunPlace;
struct RunHooks;
struct Material;

// What a cache that is not what its spec says does to the logits, beside the spec's own cache.
struct ConformanceEffect {
  int64_t first = 0, steps = 0;       // of the followed text
  double largest = 0;                 // mean over the steps of the step's largest |logit - the sound cache's|; not finite: it has none
  std::optional<double> floor;        // the same of the reference against float64; none: not measured
  double kld = 0, sound_kld = 0;      // mean KLD from the reference, nats, with this cache and with the spec's own
  bool below() const { return floor && largest <= *floor; }
};

// Is the cache what its spec says it is? Asked of the cache alone, with the reference's keys and values.
struct ConformanceFinding {
  bool asked = false;
  std::string reason;                 // why not
  Audit audit;
  std::optional<ConformanceEffect> effect;  // none: it conforms, or goes wrong only when it is handled
  // What is below the arithmetic floor is no cause; what is told wrongly, or goes wrong when it is handled, is one whatever
  // it does to this text.
  bool accused() const { return asked && !audit.conforms && !(effect && effect->below()); }
};

struct ConformanceQuestion {
  const Case& run;
  Loaded& loaded;
  const RunPlace& place;
  const RunHooks& hooks;
  const Material& material;           // of the prompt and the text
  std::span<const int32_t> text;      // the reference's tokens
};
ConformanceFinding check_conformance(const ConformanceQuestion& question);

std::string place_of(const AuditedPart& part);              // "layer 3 keys head 1"
std::string headline_of(const ConformanceFinding& finding);  // where, since when, why and what the sound cache heals

}  // namespace kvdiff
