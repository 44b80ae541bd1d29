#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

class StreamDecoder;

// A tokenizer.json of the `tokenizers` package (0.23.3), as far as byte pair encoding goes. Equal ids, equal text;
// whatever a file asks for beyond that is refused by name. Immutable: any number of threads may use one.
class Tokenizer {
 public:
  // Throws UserError(ExitCode::input) for a file that is missing, not supported or not sound (all problems of one kind
  // are listed at once).
  static Tokenizer load(const std::filesystem::path& tokenizer_json);
  static Tokenizer parse(std::string_view json);

  // Ids of a text. Text that spells an added token (<|im_start|>) becomes that token, as in the package.
  // add_special_tokens: what the file's post-processor puts around it, such as a beginning-of-sequence token.
  // Throws UserError(ExitCode::input) with the byte offset where the text is not UTF-8.
  std::vector<int32_t> encode(std::string_view utf8, bool add_special_tokens) const;

  // Bytes that make no UTF-8 become U+FFFD; ids that no token has are skipped.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const;

  int64_t vocabulary_size() const;  // ids are 0 ... vocabulary_size() - 1, without holes
  std::optional<int32_t> id(std::string_view token) const;
  std::optional<std::string> token(int32_t id) const;  // as the vocabulary spells it
  bool is_special(int32_t id) const;

  // What a token adds to a text that it does not begin; may be a part of a UTF-8 sequence. "" for an id that no token
  // has.
  std::string token_bytes(int32_t id) const;

  // One token for a report: its bytes, with what cannot be printed escaped (\n, \xE2, \u{202E}); "[50000]" for an id
  // that no token has.
  std::string token_text(int32_t id) const;

 private:
  friend class StreamDecoder;
  struct Parts;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// Text as tokens arrive. What push() and finish() return adds up to what Tokenizer::decode returns for all ids; text
// that later tokens may still change (an unfinished UTF-8 sequence above all) is held back.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  std::string push(int32_t id);
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvdiff
