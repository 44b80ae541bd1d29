#pragma once
#include <string>

#include "scenarios/case.h"
#include "tests/support/tiny_llama.h"

namespace kvdiff::test {

// A tiny model on disk, and questions to it.
struct TinyFolder {
  TemporaryFolder folder;
  explicit TinyFolder(const TinyLlama& model = {}) { write_tiny_llama(folder.path(), model); }
  Case ask(const std::string& spec, int64_t tokens = 40) const {
    Case run;
    run.model = folder.path().string();
    run.prompt.text = "The quick brown fox jumps over the lazy dog";
    run.caches = {parse_cache_spec(spec)};
    run.tokens = tokens;
    run.ignore_eos = true;
    return run;
  }
};

}  // namespace kvdiff::test
