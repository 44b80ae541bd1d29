#pragma once
#include <string>

#include "harness/text/text_piece.h"
#include "harness/text/token_decoder.h"

namespace kvdiff {

// The decoders of the `tokenizers` package 0.23 as steps of a stream.

// A step that must see a token as a whole.
class WholeTokenStep : public DecodeStep {
 public:
  void push(std::string_view stretch, bool ends_token, const TokenSink& sink) final;

 protected:
  virtual void token(const std::string& text, const TokenSink& sink) = 0;

 private:
  std::string held_;
};

// No decoder at all: tokens joined with spaces.
class JoinStep : public DecodeStep {
 public:
  void push(std::string_view stretch, bool ends_token, const TokenSink& sink) override;

 private:
  bool inside_ = false, first_ = true;
};

// Visible characters back to bytes, and these to one text; a token with any other character counts as its own UTF-8.
class ByteLevelStep : public WholeTokenStep {
 public:
  void finish(const TokenSink& sink) override;

 protected:
  void token(const std::string& text, const TokenSink& sink) override;

 private:
  std::string bytes_;
};

// Runs of "<0x..>" to text; every byte of a run that is not UTF-8 as a whole becomes U+FFFD.
class ByteFallbackStep : public WholeTokenStep {
 public:
  void finish(const TokenSink& sink) override { flush(sink); }

 protected:
  void token(const std::string& text, const TokenSink& sink) override;

 private:
  void flush(const TokenSink& sink);
  std::string run_;
};

class FuseStep : public DecodeStep {
 public:
  void push(std::string_view stretch, bool, const TokenSink& sink) override { sink(stretch, false); }
  void finish(const TokenSink& sink) override { sink({}, true); }
};

class ReplaceStep : public WholeTokenStep {
 public:
  ReplaceStep(FindMatches find, std::string content) : find_(std::move(find)), content_(std::move(content)) {}

 protected:
  void token(const std::string& text, const TokenSink& sink) override;

 private:
  FindMatches find_;
  std::string content_;
};

// Removes up to `start` of a character at the start of each token, and up to `stop` at its end.
class StripStep : public DecodeStep {
 public:
  StripStep(std::string character, size_t start, size_t stop)
      : character_(std::move(character)), start_(start), stop_(stop) {}
  void push(std::string_view stretch, bool ends_token, const TokenSink& sink) override;

 private:
  std::string character_;
  size_t start_, stop_;
  size_t removed_ = 0;  // at the start of this token
  bool at_start_ = true;
  size_t held_ = 0;  // so many characters at the end that may have to go
};

// The mark becomes a space; in the first token it vanishes where the encoder put one in front.
class MetaspaceStep : public DecodeStep {
 public:
  MetaspaceStep(std::string mark, bool prepended) : mark_(std::move(mark)), first_(prepended) {}
  void push(std::string_view stretch, bool ends_token, const TokenSink& sink) override;

 private:
  std::string mark_;
  bool first_;
};

// A suffix that ends words becomes a space, but not in the last token.
class SuffixStep : public WholeTokenStep {
 public:
  explicit SuffixStep(std::string suffix) : suffix_(std::move(suffix)) {}
  void finish(const TokenSink& sink) override;

 protected:
  void token(const std::string& text, const TokenSink& sink) override;

 private:
  std::string suffix_, last_;
  bool any_ = false;
};

}  // namespace kvdiff
