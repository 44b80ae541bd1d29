// kvdiff_tiny_model FOLDER [SEED]: the unit tests' tiny Llama, for tests that run the program itself.
#include <cstdlib>

#include "tests/support/tiny_llama.h"

int main(int count, char** words) {
  if (count < 2) return 2;
  kvdiff::test::TinyLlama model;
  if (count > 2) model.seed = std::strtoull(words[2], nullptr, 10);
  kvdiff::test::write_tiny_llama(words[1], model);
}
