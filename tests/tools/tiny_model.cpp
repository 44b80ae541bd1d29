// kvdiff_tiny_model FOLDER [SEED] [KEY=NUMBER]...: the unit tests' tiny Llama, for tests that run the program itself; or a larger
// one of the same kind, made from the same seed: layers, hidden_size, intermediate_size, heads, kv_heads, head_size,
// vocabulary_size, max_positions, float16=1.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/support/tiny_llama.h"

namespace {

using kvdiff::test::TinyLlama;

bool set(TinyLlama& model, const std::string& word) {
  const std::map<std::string, int64_t TinyLlama::*> sizes = {
      {"layers", &TinyLlama::layers}, {"hidden_size", &TinyLlama::hidden_size}, {"intermediate_size", &TinyLlama::intermediate_size},
      {"heads", &TinyLlama::heads}, {"kv_heads", &TinyLlama::kv_heads}, {"head_size", &TinyLlama::head_size},
      {"vocabulary_size", &TinyLlama::vocabulary_size}, {"max_positions", &TinyLlama::max_positions}};
  if (word == "float16=1") {
    model.dtype = kvdiff::Dtype::float16;
    return true;
  }
  const size_t equals = word.find('=');
  const auto size = sizes.find(word.substr(0, equals));
  if (equals == std::string::npos || size == sizes.end()) return false;
  model.*size->second = std::strtoll(word.c_str() + equals + 1, nullptr, 10);
  return true;
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return 2;
  TinyLlama model;
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    if (i == 2 && word.find('=') == std::string::npos) model.seed = std::strtoull(words[i], nullptr, 10);
    else if (!set(model, word)) return std::fprintf(stderr, "kvdiff_tiny_model: what is %s?\n", words[i]), 2;
  }
  kvdiff::test::write_tiny_llama(words[1], model);
}
