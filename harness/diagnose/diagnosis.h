#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/checks/check.h"
#include "harness/diagnose/conformance.h"
#include "harness/diagnose/arithmetic.h"
#include "harness/diagnose/company.h"
#include "harness/diagnose/first_flip.h"
#include "harness/diagnose/further_prompts.h"
#include "harness/diagnose/interval.h"
#include "harness/diagnose/minimal_set.h"
#include "harness/diagnose/restored.h"
#include "harness/diagnose/token_places.h"
#include "harness/diagnose/error_profile.h"
#include "harness/diagnose/flush_timeline.h"
#include "harness/diagnose/minimal_set.h"
#include "harness/diagnose/token_ranges.h"
#include "harness/run_report.h"

namespace kvdiff {

inline constexpr std::string_view diagnosis_schema = "kvdiff.diagnosis/1";

enum class Answer { yes, no, undecided };
std::string_view name_of(Answer answer);

// found: a minimal set; diffuse: it takes more than a quarter of all parts; nothing: the candidate never parts;
// elsewhere: the reference goes wrong, too, and a check says why; partial: the budget did not suffice; invalid: what was measured proves nothing.
enum class Finding { found, diffuse, nothing, elsewhere, partial, invalid };
std::string_view name_of(Finding finding);

struct QuestionAnswer {
  std::string question;
  Answer answer = Answer::undecided;
  std::string evidence;  // one or two sentences with their figures
};

// One row of the scan. Recoveries are shares of the candidate's KLD over the window; none: not asked.
struct PartScore {
  Part part;
  std::optional<double> recovery;  // this part exempt, all others as they are
  std::optional<double> alone;     // KLD of this part quantized alone / KLD of the candidate
};

// All keys, or all values, at once.
struct SideScore {
  Side side = Side::key;
  std::optional<double> recovery, alone;  // as in PartScore
};

// One question to channels: the `count` most deviating channels of each accused head, in full precision.
struct ChannelScore {
  int64_t count = 0;
  std::optional<double> exempt, withheld;  // recovery
};

struct AccusedChannels {
  Part part;                       // with its head
  std::vector<int64_t> channels;   // most deviating first
};

struct PlaceFinding {
  int64_t step = -1;               // where the candidate parts; -1: nowhere
  int64_t flush = -1;              // encodings of the history that attention has read by then; 0: the prompt's
  MinimalSet set;                  // of (layer, side)
  bool pair = false;               // two parts, neither of which recovers half alone
  std::optional<MinimalSet> heads; // of (layer, side, head), of what the set recovers
  std::vector<ChannelScore> channel_scores;
  std::vector<AccusedChannels> channels;  // the smallest asked count that recovers the target; empty: no small one does
};

struct CauseFinding {
  std::string name = "unknown";
  std::string evidence = "it was not asked";
};

struct RemedyResult {
  std::string name;
  CacheSpec spec;
  bool same_bits = false;              // another layout, no more bits per code
  std::optional<double> recovery;      // none: not asked, the budget was spent
  double kld = 0;
  std::optional<int64_t> parts_at;     // none: keeps the text through the window
  int64_t bytes = 0;                   // at the end of the window
  bool heals_kld = false, heals_text = false;
  bool regrouped = false;              // the same bits: only which elements share a scale is another
  bool longer_window = false;          // the same codec: only how many tokens stay in full precision is another
  double coded_share = 0;              // of the tokens held at the end of the window on the sides that quantize: those that are codes
  bool holds() const { return heals_kld && heals_text; }
};

struct CureFinding {
  std::string name;                    // empty: none of those tried recovers the target
  CacheSpec spec;
  bool keeps_text = false;
  double recovery = 0;
  int64_t bytes = 0, candidate_bytes = 0;
  std::string transformers, transformers_note;  // cache_config's keyword arguments; empty: it cannot say it, and why
  std::string llama_cpp, llama_cpp_note;        // flags, as -ctk q8_0 -ctv f16; the same
};

// One operation on the candidate's cache, against the same cache without it.
struct HandlingCheck {
  std::string operation;
  bool sound = false;
  std::string detail;
};

struct DiagnosedLane {
  std::string name, canonical, text;
  std::optional<int64_t> parts_at, onset;
  std::string gibberish;               // kind; empty or "none": not found
  int64_t gibberish_onset = -1;
  double kld_mean = 0;                 // over the whole text
  BytesReport bytes;
};

struct TrialBudget {
  int64_t trials = 0, asked = 0;
};

// Nothing in here depends on time, threads or SIMD.
struct Diagnosis {
  Finding finding = Finding::nothing;
  std::string headline;                // one sentence
  std::vector<QuestionAnswer> questions;  // the four
  PlaceFinding place;
  CauseFinding cause;
  CureFinding cure;
  int64_t window_first = 0, window_steps = 0;
  double candidate_kld = 0;            // mean over the window, nats
  int64_t layers = 0;
  std::vector<PartScore> scan;         // in the order of the ranking
  std::vector<SideScore> sides;        // keys, values; only where the candidate quantizes both
  std::vector<TokenRangeScore> token_ranges;  // in the order of the text
  FlushTimeline flushes;
  ErrorProfile errors;
  std::vector<ErrorMap> error_maps;
  std::vector<RemedyResult> remedies;  // in the order of cost in bytes, cheapest first
  std::vector<HandlingCheck> handling;
  ConformanceFinding conformance;      // is it what its spec says?
  std::vector<CheckFinding> checks;    // of everything that is not the cache, in the order of the table
  std::vector<DiagnosedLane> lanes;    // the reference, the candidate, the gentler ones
  TrialBudget budget;
  ArithmeticFinding arithmetic;        // what float64 and this arithmetic differ by, beside what the cache does
  FirstFlip first_flip;                // the step at which the text parts, explained
  RestoredFinding restored;            // error that arrives from elsewhere
  IntervalFinding interval;            // of the set's recovery
  CompanyFinding company;              // the set quantized alone; a pair
  TokenFinding tokens;                 // which tokens' codes
  FurtherPromptsFinding further_prompts;  // does the set recover on others?
  std::vector<std::string> left_to_try;   // what the budget did not reach
  std::vector<std::string> warnings;
  std::string kvdiff_version;
  DigestsReport digests;
  ModelReport model;
  PromptReport prompt;
  int exit_code = 0;
  std::string reproduce;
};

std::string diagnosis_json(const Diagnosis& diagnosis);

}  // namespace kvdiff
