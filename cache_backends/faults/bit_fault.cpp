#include "cache_backends/faults/bit_fault.h"

#include <bit>

#include "cache_backends/decorators/forwarding_cache.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

class FaultyPage : public KvPage {
 public:
  FaultyPage(std::shared_ptr<const KvPage> page, const BitFault& fault, int64_t begin, int64_t head_size)
      : page_(std::move(page)), fault_(fault), begin_(begin), head_size_(head_size) {}
  int64_t tokens() const override { return page_->tokens(); }
  bool quantized() const override { return page_->quantized(); }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    page_->decode(sequence, head, first, count, out);
    const int64_t token = fault_.token - begin_;
    if (sequence != fault_.sequence || head != fault_.head || token < first || token >= first + count) return;
    float& element = out[(token - first) * head_size_ + fault_.channel];
    element = std::bit_cast<float>(std::bit_cast<uint32_t>(element) ^ 1u);
  }

 private:
  const std::shared_ptr<const KvPage> page_;
  const BitFault fault_;
  const int64_t begin_, head_size_;
};

class BitFaultCache : public ForwardingCache {
 public:
  BitFaultCache(std::unique_ptr<KvCache> cache, const BitFault& fault, int64_t appends)
      : ForwardingCache(std::move(cache)), fault_(fault), appends_(appends) {}

  void append(int layer, const KvBlock& fresh) override {
    cache_->append(layer, fresh);
    if (layer == fault_.layer) ++appends_;
  }
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    if (layer != fault_.layer || appends_ <= fault_.append) return pages;
    int64_t begin = 0;
    for (auto& page : fault_.side == Side::key ? pages.key : pages.value) {
      const int64_t tokens = page->tokens();
      page = std::make_shared<FaultyPage>(page, fault_, begin, shape().head_size);
      begin += tokens;
    }
    return pages;
  }
  std::vector<std::byte> save() const override {
    ArchiveWriter own;
    own.number(appends_);
    return framed(told, {cache_->save(), own.take()});
  }
  void restore(std::span<const std::byte> saved) override {
    const auto parts = unframed(saved, told, 2);
    ArchiveReader own(parts[1]);
    const int64_t appends = own.number();
    cache_->restore(parts[0]);
    appends_ = appends;
  }
  std::unique_ptr<KvCache> fork() const override {
    return std::make_unique<BitFaultCache>(cache_->fork(), fault_, appends_);
  }

 private:
  static constexpr std::string_view told = "a cache with a wrong bit";
  const BitFault fault_;
  int64_t appends_;
};

}  // namespace

std::unique_ptr<KvCache> make_bit_fault(std::unique_ptr<KvCache> cache, const BitFault& fault) {
  return std::make_unique<BitFaultCache>(std::move(cache), fault, 0);
}

}  // namespace kvdiff
