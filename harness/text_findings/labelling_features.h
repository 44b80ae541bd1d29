#pragma once
#include <string>
#include <vector>

#include "harness/text_findings/columns.h"
#include "harness/text_findings/gibberish.h"

// What speaks for each state of labelling.h, token by token: how the tokens around it surprise the reference, what they repeat,
// what words they make. Each feature is one line of labelling_features.cpp, which is also where its name stands.
namespace kvdiff {

struct FeatureTable {
  std::vector<std::string> names;
  std::vector<Column> columns;  // [feature][token]
  void add(std::string name, Column values) {
    names.push_back(std::move(name));
    columns.push_back(std::move(values));
  }
};

struct LabellingFeatures {
  FeatureTable token;  // of the state that a token is in
  FeatureTable start;  // of a state that begins with this token
};

// `text` must be scored.
LabellingFeatures labelling_features(const GeneratedText& text, const GibberishRules& rules);

}  // namespace kvdiff
