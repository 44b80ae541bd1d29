#pragma once
#include "harness/metrics/registry.h"

// What the rows of metrics/registry.cpp point to. Each file of this folder holds one metric, or one family of summaries.
namespace kvdiff::metric {

using Measure = Figure(const Sample& sample);

Measure relative_l2, sqnr, max_abs, cosine, sign_flips, sign_flip_share;
Measure attention_logit_mean_abs, attention_logit_rms, attention_logit_max, attention_kl;
Measure attention_mass_moved, attention_mass_moved_max, sink_mass_reference, sink_mass_moved, sink_mass_change;
Measure kld_mean, kld_median, kld_p90, kld_p99, kld_p99_9, kld_max;
Measure flips, flip_share, near_tie_flips, real_flips, largest_flip_margin, largest_flip_gap;
Measure candidate_rank_mean, candidate_rank_max;
Measure perplexity, reference_perplexity, perplexity_ratio;
Measure onset, not_finite;

}  // namespace kvdiff::metric
