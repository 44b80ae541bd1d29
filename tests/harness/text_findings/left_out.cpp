#include "tests/harness/text_findings/left_out.h"

#include <functional>
#include <set>

#include "tests/harness/text_findings/labelling_fit.h"
#include "tests/harness/text_findings/salad_fit.h"

namespace kvdiff::test {
namespace {

constexpr int folds = 5;

// FNV-1a, 64 bits.
int fold_of(const std::string& prompt) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : prompt) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return static_cast<int>((hash >> 32) % folds);
}

// What each group of texts is judged to be by rules that were made without it.
std::vector<Judged> left_out(const std::vector<LabelledText>& corpus, const std::function<std::string(const LabelledText&)>& group) {
  std::set<std::string> groups;
  for (const LabelledText& one : corpus) groups.insert(group(one));
  std::vector<Judged> all;
  for (const std::string& out : groups) {
    std::vector<const LabelledText*> others;
    for (const LabelledText& one : corpus)
      if (group(one) != out) others.push_back(&one);
    const GibberishRules rules = fitted(others);
    for (const LabelledText& one : corpus)
      if (group(one) == out) all.push_back(judge(one, rules));
  }
  return all;
}

}  // namespace

GibberishRules fitted(const std::vector<const LabelledText*>& texts) {
  GibberishRules rules;
  fit_salad(rules, texts);
  rules.labelling = fitted_labelling(texts, rules);
  return rules;
}

std::vector<Judged> cross_validated(const std::vector<LabelledText>& corpus) {
  return left_out(corpus, [](const LabelledText& one) { return std::to_string(fold_of(one.prompt_name)); });
}

std::vector<Judged> leave_set_out(const std::vector<LabelledText>& corpus) {
  return left_out(corpus, [](const LabelledText& one) { return one.half == "held_out" ? std::string("tuning") : one.half; });
}

}  // namespace kvdiff::test
