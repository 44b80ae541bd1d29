#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// What flows from token to text: stretches of tokens, in order. `ends_token` closes the current one, which may be
// empty. A stretch never cuts a UTF-8 character in two.
using TokenSink = std::function<void(std::string_view stretch, bool ends_token)>;

// One step of decoding, with the state of one stream. It emits what no later token can change, and holds back the rest.
class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual void push(std::string_view stretch, bool ends_token, const TokenSink& sink) = 0;
  virtual void finish(const TokenSink&) {}
};

using DecodeSteps = std::vector<std::unique_ptr<DecodeStep>>;

// Makes fresh steps for a new stream.
using TokenDecoder = std::function<void(DecodeSteps&)>;

// The "decoder" of a tokenizer.json; null joins the tokens with spaces, as the `tokenizers` package does.
// Throws UserError(ExitCode::input) for what is not supported, by name.
TokenDecoder make_token_decoder(const nlohmann::json& value);

// The steps of one stream, one behind the other. Whole decoding and streaming are the same code: what push() and
// finish() return, put together, does not depend on when it was asked for.
class DecodeChain {
 public:
  explicit DecodeChain(const TokenDecoder& decoder) { decoder(steps_); }
  std::string push(std::string_view token);
  std::string finish();  // nothing may be pushed afterwards

  template <typename Step>
  bool has() const {
    for (const auto& step : steps_) {
      if (dynamic_cast<const Step*>(step.get()) != nullptr) return true;
    }
    return false;
  }

 private:
  void pass(size_t step, std::string_view stretch, bool ends_token, std::string& out);

  DecodeSteps steps_;
};

// What a token adds to a text that it does not begin, unfinished UTF-8 sequences as they are.
std::string bytes_of_token(const TokenDecoder& decoder, const std::string& token);

}  // namespace kvdiff
