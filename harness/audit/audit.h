#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/lifecycle/record.h"

namespace kvdiff {

// Does a cache do what its spec says? Both are fed with the same keys and values and read after every append: what the
// spec's own cache gives is what is expected, to the last bit. Nothing but the spec and KvCache's interface is known of the
// cache that is audited. A text of more than `long_text` tokens is read at every eighth append, and at the first and last ones:
// what is read grows with its square.
inline constexpr int64_t long_text = 1024;
struct AuditInput {
  CacheSpec spec;
  std::function<std::unique_ptr<KvCache>(const CacheShape&)> make;  // the cache that is audited
  const Tape& tape;                           // one sequence
  std::span<const float> inverse_frequencies;  // of the model's RoPE, [head_size / 2]; empty: it has none
};

// One side of one layer that reads otherwise than it should.
struct AuditedPart {
  int layer = 0;
  Side side = Side::key;
  std::vector<int64_t> heads;       // KV heads that differ in any update; empty: the number of tokens, or the length told
  int64_t first_update = 0, last_update = 0;  // of those that were read; update 0 is the prompt, update u the token that step u is fed
  int64_t first_token = 0;          // the first that differs in the first of these updates
  int64_t elements = 0;             // that differ in the last
  double relative = 0;              // rms of the difference / rms of what is expected, in the last
};

// One thing that was done to the cache, against the same cache that it was never done to.
struct HandlingRow {
  std::string operation;
  std::optional<Difference> difference;  // none: the same bits
};

struct Audit {
  bool conforms = true;
  std::vector<AuditedPart> parts;   // first updates first, then lower layers, keys before values
  std::string operation;            // the handling that shows it; empty: it shows by itself
  std::string cause, evidence;      // causes.h; empty where it conforms
  double explained = 0;             // share of the squared difference that the cause accounts for
  std::vector<HandlingRow> handling;
};

// Throws UserError(usage) when the spec's codec cannot hold the tape.
Audit audit_cache(const AuditInput& input);

}  // namespace kvdiff
