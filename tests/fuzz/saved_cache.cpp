#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/kv_cache.h"

namespace {

using namespace kvdiff;

constexpr CacheShape shape{1, 2, 2, 32, Dtype::float16};
constexpr const char* specs[] = {"full", "hqq:bits=3,group=16,axis=1,residual=4", "kivi:group=8,bits=2", "int8:per=channel,scale=frozen", "q5_1"};

void append(KvCache& cache, int64_t tokens) {
  const std::vector<float> values(static_cast<size_t>(shape.batch * shape.heads * tokens * shape.head_size), 0.5f);
  cache.append(0, {values, values, tokens});
}

}  // namespace

// The first byte chooses a cache, the rest is written over what that one saved, and the hash put right: a UserError, or a cache
// that can be used.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const auto cache = make_cache(parse_cache_spec(specs[data[0] % std::size(specs)]), shape);
  append(*cache, 7);
  for (int i = 0; i < 6; ++i) append(*cache, 1);
  std::vector<std::byte> saved = cache->save();
  const size_t end = saved.size() - sizeof(uint64_t), at = (data[1] * 256u + data[2]) % end;
  std::memcpy(saved.data() + at, data + 3, std::min(size - 3, end - at));
  const uint64_t hash = XXH3_64bits(saved.data(), end);
  std::memcpy(saved.data() + end, &hash, sizeof hash);
  try {
    cache->restore(saved);
  } catch (const UserError&) {
    return 0;
  }
  append(*cache, 2);
  for (const Side side : {Side::key, Side::value}) decoded(cache->pages(0), side, shape);
  cache->receipt();
  cache->reorder(std::vector<int64_t>{1, 1});
  cache->crop(1);
  append(*cache, 3);
  return 0;
}
