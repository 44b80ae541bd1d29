// Any text as tokenizer.json. What is accepted must encode, and decode the same whole and streamed, or refuse by
// UserError.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cache_backends/error.h"
#include "harness/text/tokenizer.h"
#include "harness/text/utf8.h"

namespace {

constexpr std::string_view sample = "  Hello, wörld's 123\n\t<s>e\u0301 ▁漢 😀 [MASK]aab <0x41> ";

void use(const kvdiff::Tokenizer& tokenizer) {
  using namespace kvdiff;
  std::vector<int32_t> ids = tokenizer.encode(sample, true);
  for (const int32_t id : ids) {
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
  }
  for (int32_t id = -1; id < 40; ++id) ids.push_back(id);
  StreamDecoder stream(tokenizer, true);
  std::string streamed;
  for (const int32_t id : ids) {
    streamed += stream.push(id);
    if (find_invalid_utf8(tokenizer.token_text(id))) std::abort();
  }
  streamed += stream.finish();
  if (streamed != tokenizer.decode(ids, true) || find_invalid_utf8(streamed)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kvdiff;
  try {
    use(Tokenizer::parse(std::string_view(reinterpret_cast<const char*>(data), size)));
  } catch (const UserError& error) {
    if (error.code() != ExitCode::input) std::abort();
  }
  return 0;
}
