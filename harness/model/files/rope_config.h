#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace kvdiff {

enum class RopeType { standard, linear, dynamic, llama3, yarn };  // standard: the peer's "default"

std::string_view name_of(RopeType type);  // as config.json spells it

// Parameters of rotary position embedding, with the meaning they have in transformers 5.23 (modeling_rope_utils.py).
// What a type does not use keeps its default.
struct RopeConfig {
  RopeType type = RopeType::standard;
  double theta = 10000.0;
  double factor = 1.0;                     // all but standard
  int64_t max_positions = 0;               // dynamic: the length from which on it scales
  int64_t original_max_positions = 0;      // llama3, yarn
  double low_freq_factor = 1.0;            // llama3
  double high_freq_factor = 4.0;           // llama3
  double beta_fast = 32.0;                 // yarn
  double beta_slow = 1.0;                  // yarn
  std::optional<double> attention_factor;  // yarn; else from factor, mscale, mscale_all_dim
  std::optional<double> mscale;            // yarn
  std::optional<double> mscale_all_dim;    // yarn
  bool truncate = true;                    // yarn
};

}  // namespace kvdiff
