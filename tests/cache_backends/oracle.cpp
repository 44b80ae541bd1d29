#include "tests/cache_backends/oracle.h"

#include <algorithm>
#include <cstring>

#include "tests/support/random.h"

namespace kvdiff::test {

std::vector<float> Stream::piece(Side side, int64_t first, int64_t count) const {
  const std::vector<float>& all = side == Side::key ? key : value;
  std::vector<float> out;
  for (int64_t row = 0; row < shape.batch * shape.heads; ++row) {
    const auto begin = all.begin() + (row * tokens + first) * shape.head_size;
    out.insert(out.end(), begin, begin + count * shape.head_size);
  }
  return out;
}

Stream make_stream(const CacheShape& shape, int64_t tokens, uint64_t seed) {
  Random random(seed);
  Stream stream{shape, tokens, {}, {}};
  for (std::vector<float>* all : {&stream.key, &stream.value}) {
    *all = random.normals(shape.batch * shape.heads * tokens * shape.head_size);
    for (size_t i = 0; i < all->size(); ++i) {
      const float factor = all == &stream.key && i % static_cast<size_t>(shape.head_size) == 3 ? 12.0f : 1.0f;
      (*all)[i] = round_to(shape.dtype, factor * (*all)[i]);
    }
  }
  return stream;
}

void feed(KvCache& cache, const Stream& stream, int64_t first, int64_t count) {
  const auto key = stream.piece(Side::key, first, count), value = stream.piece(Side::value, first, count);
  for (int layer = 0; layer < cache.shape().layers; ++layer) cache.append(layer, {key, value, count});
}

OracleSide::OracleSide(const SideSpec& spec, const LaneSpec& lane, Side side, const CacheShape& shape)
    : shape_(shape), lane_(lane), side_(side), stored_(shape.dtype) {
  if (!is_full(spec)) made_ = find_codec(spec.codec).make(spec, side);
  else if (spec.values.at("dtype") != "model") stored_ = parse_dtype(spec.values.at("dtype"));
}

std::vector<Token> OracleSide::split(const std::vector<float>& values, int64_t n) const {
  std::vector<Token> tokens(static_cast<size_t>(n));
  for (int64_t row = 0; row < shape_.batch * shape_.heads; ++row) {
    for (int64_t t = 0; t < n; ++t) {
      const auto begin = values.begin() + (row * n + t) * shape_.head_size;
      tokens[static_cast<size_t>(t)].insert(tokens[static_cast<size_t>(t)].end(), begin, begin + shape_.head_size);
    }
  }
  return tokens;
}

std::vector<float> OracleSide::joined(const std::vector<Token>& tokens) const {
  std::vector<float> values;
  for (int64_t row = 0; row < shape_.batch * shape_.heads; ++row) {
    for (const Token& token : tokens) {
      const auto begin = token.begin() + row * shape_.head_size;
      values.insert(values.end(), begin, begin + shape_.head_size);
    }
  }
  return values;
}

void OracleSide::round_trip(int64_t first, int64_t count) {
  const std::vector<Token> part(tokens_.begin() + first, tokens_.begin() + first + count);
  std::vector<float> values = joined(part);
  const EncodedBlock block =
      codec_->encode(values, {shape_.batch, shape_.heads, count, shape_.head_size}, shape_.dtype);
  codec_->decode(block, 0, values);
  const std::vector<Token> decoded = split(values, count);
  std::copy(decoded.begin(), decoded.end(), tokens_.begin() + first);
  encoded_ = first + count;
}

// QuantizedLayer.update: residual + q >= R (5.23, and 4.54 by its other road); res.dim() == 4 and res + 1 >= R (5.15).
void OracleSide::append_hf(const std::vector<Token>& fresh) {
  const bool prefill = tokens_.empty();
  const int64_t residual = tokens() - encoded_, q = static_cast<int64_t>(fresh.size());
  tokens_.insert(tokens_.end(), fresh.begin(), fresh.end());
  view_ = tokens_;
  const bool old_rule = lane_.schedule == "hf-5.15";
  const bool full = old_rule ? residual != 0 && residual + 1 >= lane_.residual : residual + q >= lane_.residual;
  if (!prefill && !full) return;
  round_trip(0, tokens());
  ++flushes;
}

// KIVI: a block of keys when R have gathered; the oldest value when there are more than R.
void OracleSide::append_streaming(const std::vector<Token>& fresh) {
  tokens_.insert(tokens_.end(), fresh.begin(), fresh.end());
  view_ = tokens_;
  const bool blocks = side_ == Side::key || codec_->shares_scale();
  const int64_t before = encoded_;
  if (!blocks) leave_window();
  while (blocks && tokens() - encoded_ >= lane_.residual) round_trip(encoded_, lane_.residual);
  if (encoded_ > before) ++flushes;
}

void OracleSide::leave_window() {
  while (tokens() - encoded_ > lane_.residual) round_trip(encoded_, 1);
}

void OracleSide::append(const std::vector<float>& values, int64_t n) {
  const std::vector<Token> fresh = split(values, n);
  const bool prefill = tokens_.empty();
  if (!made_) {
    for (Token token : fresh) {
      for (float& value : token) value = round_to(stored_, value);
      tokens_.push_back(token);
    }
    view_ = prefill && lane_.prefill == "full" ? fresh : tokens_;
    return;
  }
  if (prefill) {
    const std::shared_ptr<const Codec> frozen =
        made_->frozen(values, {shape_.batch, shape_.heads, n, shape_.head_size}, shape_.dtype);
    codec_ = frozen ? frozen : made_;
  }
  if (lane_.schedule == "streaming") {
    append_streaming(fresh);
  } else if (lane_.schedule == "immediate" || lane_.schedule == "hf-fp8") {
    tokens_.insert(tokens_.end(), fresh.begin(), fresh.end());
    const int64_t before = encoded_;
    leave_window();
    if (encoded_ > before) ++flushes;
    view_ = prefill ? fresh : tokens_;
  } else {
    append_hf(fresh);
  }
  if (lane_.prefill == "quantized" && (prefill || n > 1)) view_ = tokens_;
}

void OracleSide::crop(int64_t count) {
  tokens_.resize(static_cast<size_t>(count));
  encoded_ = std::min(encoded_, count);
  view_ = tokens_;
  if (count == 0) flushes = 0;
}

void OracleSide::reorder(const std::vector<int64_t>& rows) {
  const size_t width = static_cast<size_t>(shape_.heads * shape_.head_size);
  for (Token& token : tokens_) {
    const Token old = token;
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(rows[i]) * width), width,
                  token.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
  }
  view_ = tokens_;
}

Oracle::Oracle(const CacheSpec& spec, const CacheShape& shape)
    : key(layer_spec(spec, 0, shape.layers).key, spec.lane, Side::key, shape),
      value(layer_spec(spec, 0, shape.layers).value, spec.lane, Side::value, shape) {}

void Oracle::feed(const Stream& stream, int64_t first, int64_t count) {
  key.append(stream.piece(Side::key, first, count), count);
  value.append(stream.piece(Side::value, first, count), count);
}

bool same_bits(const std::vector<float>& left, const std::vector<float>& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof(float)) == 0;
}

std::vector<float> seen(const KvCache& cache, int layer, Side side) {
  return decoded(cache.pages(layer), side, cache.shape());
}

}  // namespace kvdiff::test
