#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cache_backends/kv_cache.h"

namespace kvdiff::test {

struct ContractCase {
  std::string text;
  CacheShape shape;
};
// The whole registry: every codec with each of its choices, under every schedule, alone and as a batch of three.
std::vector<ContractCase> all_cases();

// What the spec or the shape cannot do is refused (null); what is not refused must keep the contract.
std::unique_ptr<KvCache> try_make(const std::string& text, const CacheShape& shape);

}  // namespace kvdiff::test
