#include "harness/diagnose/material.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvdiff {

Material material_of(Engine& engine, std::span<const int32_t> prompt, std::span<const int32_t> text) {
  std::vector<int32_t> tokens(prompt.begin(), prompt.end());
  tokens.insert(tokens.end(), text.begin(), text.end());
  const CacheShape shape = engine.model.shape().cache();
  Stream stream(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
  prefill(engine, stream, tokens, 512);
  Material material{shape, static_cast<int64_t>(prompt.size()), static_cast<int64_t>(tokens.size()), {}, {}};
  for (int layer = 0; layer < shape.layers; ++layer) {
    const KvPages pages = stream.cache->pages(layer);
    material.key.push_back(decoded(pages, Side::key, shape));
    material.value.push_back(decoded(pages, Side::value, shape));
  }
  return material;
}

std::shared_ptr<const PatchSource> source_of(const Material& material) {
  auto source = std::make_shared<PatchSource>();
  source->shape = material.shape;
  source->tokens = material.tokens;
  source->key.assign(material.key.begin(), material.key.end());
  source->value.assign(material.value.begin(), material.value.end());
  return source;
}

void Material::crop(int64_t first_tokens) {
  const int64_t kept = std::min(tokens, first_tokens);
  for (auto* side : {&key, &value})
    for (std::vector<float>& values : *side) {
      for (int64_t head = 0; head < shape.heads; ++head)
        std::copy_n(values.begin() + head * tokens * shape.head_size, kept * shape.head_size, values.begin() + head * kept * shape.head_size);
      values.resize(static_cast<size_t>(shape.heads * kept * shape.head_size));
      values.shrink_to_fit();
    }
  tokens = kept;
}

std::vector<int64_t> deviating_channels(const Material& material, const Part& part) {
  const int64_t size = material.shape.head_size;
  const float* rows = material.of(part.layer, part.side).data() + std::max<int64_t>(part.head, 0) * material.tokens * size;
  std::vector<double> distance(static_cast<size_t>(size));
  for (int64_t token = 0; token < material.tokens; ++token) {
    const float* row = rows + token * size;
    double mean = 0;
    for (int64_t channel = 0; channel < size; ++channel) mean += row[channel];
    mean /= static_cast<double>(size);
    for (int64_t channel = 0; channel < size; ++channel) distance[static_cast<size_t>(channel)] += std::fabs(row[channel] - mean);
  }
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return distance[static_cast<size_t>(a)] > distance[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace kvdiff
