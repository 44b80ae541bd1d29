#include "harness/diagnose/minimal_set.h"

#include <algorithm>
#include <map>

namespace kvdiff {
namespace {

constexpr int64_t asked_at_once = 15;  // counts between two of the curve: so many at most

Parts without(Parts parts, const Part& one) {
  std::erase(parts, one);
  return parts;
}

class Search {
 public:
  Search(const Parts& ranking, const AskRecovery& ask, const SetRule& rule) : ranking_(ranking), ask_(ask), rule_(rule) {}

  MinimalSet run() {
    if (!ranking_.empty()) find_count();
    for (const auto& [count, recovery] : curve_) result_.curve.push_back({count, recovery});
    return std::move(result_);
  }

 private:
  int64_t size() const { return static_cast<int64_t>(ranking_.size()); }
  Parts first(int64_t count) const { return {ranking_.begin(), ranking_.begin() + static_cast<std::ptrdiff_t>(count)}; }

  bool ask_counts(const std::vector<int64_t>& counts) {
    std::vector<Parts> sets;
    for (const int64_t count : counts) sets.push_back(first(count));
    const auto answers = ask_(sets);
    bool all = true;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (answers[i]) curve_[counts[i]] = *answers[i];
      else all = false;
    }
    return all;
  }

  // The smallest asked count that holds the target; size() + 1 where none does.
  int64_t smallest_holding() const {
    for (const auto& [count, recovery] : curve_)
      if (recovery >= rule_.target) return count;
    return size() + 1;
  }

  int64_t largest_missing_below(int64_t count) const {
    int64_t below = 0;
    for (const auto& [asked, recovery] : curve_)
      if (asked < count) below = asked;
    return below;
  }

  void find_count() {
    std::vector<int64_t> counts;
    for (int64_t count = 1; count < size(); count *= 2) counts.push_back(count);
    counts.push_back(size());
    bool complete = ask_counts(counts);
    while (complete) {
      const int64_t high = smallest_holding(), low = largest_missing_below(high);
      if (high > size() || high - low <= 1) break;
      counts.clear();
      const int64_t stride = (high - low - 1 + asked_at_once - 1) / asked_at_once;
      for (int64_t count = low + stride; count < high; count += stride) counts.push_back(count);
      complete = ask_counts(counts);
    }
    take_count(complete);
  }

  void take_count(bool complete) {
    const int64_t count = smallest_holding();
    result_.complete = complete;
    if (count > size()) return;
    result_.parts = first(count);
    result_.recovery = curve_.at(count);
    result_.diffuse = static_cast<double>(count) > rule_.diffuse_share * static_cast<double>(size()) && count > 1;
    if (complete && !result_.diffuse) prune();
  }

  // Rounds of: each member left out alone; then all that can be spared, together, the least missed first.
  void prune() {
    while (result_.parts.size() > 1) {
      std::vector<Parts> sets;
      for (const Part& part : result_.parts) sets.push_back(without(result_.parts, part));
      const auto answers = ask_(sets);
      if (!all_answered(answers)) return;
      std::vector<size_t> spared;
      for (size_t i = 0; i < sets.size(); ++i)
        if (*answers[i] >= rule_.target) spared.push_back(i);
      if (spared.empty()) break;
      std::stable_sort(spared.begin(), spared.end(), [&](size_t a, size_t b) { return *answers[a] > *answers[b]; });
      const double first = *answers[spared.front()];
      if (!leave_out(spared, first)) return;
    }
    result_.minimal = true;
  }

  // The longest beginning of `spared` that can go at once; the first alone can, and then recovers `first`.
  bool leave_out(const std::vector<size_t>& spared, double first) {
    std::vector<Parts> sets = {without(result_.parts, result_.parts[spared[0]])};
    for (size_t i = 1; i < spared.size() && i + 1 < result_.parts.size(); ++i)
      sets.push_back(without(sets.back(), result_.parts[spared[i]]));
    const auto answers = ask_({sets.begin() + 1, sets.end()});
    if (!all_answered(answers)) return false;
    size_t most = 0;
    for (size_t i = 0; i < answers.size(); ++i)
      if (*answers[i] >= rule_.target) most = i + 1;
    result_.recovery = most == 0 ? first : *answers[most - 1];
    result_.parts = sets[most];
    return true;
  }

  bool all_answered(const std::vector<std::optional<double>>& answers) {
    const bool all = std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer.has_value(); });
    result_.complete = result_.complete && all;
    return all;
  }

  const Parts& ranking_;
  const AskRecovery& ask_;
  const SetRule& rule_;
  std::map<int64_t, double> curve_;
  MinimalSet result_;
};

}  // namespace

MinimalSet find_minimal_set(const Parts& ranking, const AskRecovery& ask, const SetRule& rule) {
  return Search(ranking, ask, rule).run();
}

}  // namespace kvdiff
