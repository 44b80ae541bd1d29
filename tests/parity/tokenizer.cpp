#include "harness/text/tokenizer.h"

#include "tests/parity/bridge.h"

namespace kvdiff::parity {
namespace {

using Ids = std::vector<int32_t>;

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special_tokens) {
  StreamDecoder stream(tokenizer, skip_special_tokens);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

// {"whole": [text], "streamed": {"index": text}}: streamed texts only where they are not the whole decoding's.
json decode_all(const Tokenizer& tokenizer, const std::vector<Ids>& lists, bool skip_special_tokens) {
  json whole = json::array(), others = json::object();
  for (const Ids& ids : lists) {
    const std::string text = tokenizer.decode(ids, skip_special_tokens);
    const std::string by_token = streamed(tokenizer, ids, skip_special_tokens);
    if (by_token != text) others[std::to_string(whole.size())] = by_token;
    whole.push_back(text);
  }
  return {{"whole", std::move(whole)}, {"streamed", std::move(others)}};
}

}  // namespace

// job: {"id", "file" (a tokenizer.json), "texts", "special": around texts in encoding, left out in decoding, "lists": ids}.
// Puts ID.ids, the ids of all texts, and ID.lengths, how many each has. Returns what these and the lists decode to.
json run_tokenizer(const json& job, Exchange& exchange) {
  const Tokenizer tokenizer = Tokenizer::load(job.at("file").get<std::string>());
  const bool special = job.at("special");
  std::vector<Ids> of_texts;
  Ids ids, lengths;
  for (const json& text : job.at("texts")) {
    of_texts.push_back(tokenizer.encode(text.get_ref<const std::string&>(), special));
    ids.insert(ids.end(), of_texts.back().begin(), of_texts.back().end());
    lengths.push_back(static_cast<int32_t>(of_texts.back().size()));
  }
  const std::string id = job.at("id");
  const auto size = static_cast<int64_t>(ids.size()), count = static_cast<int64_t>(lengths.size());
  exchange.put(id + ".ids", {size}, std::move(ids));
  exchange.put(id + ".lengths", {count}, std::move(lengths));
  return {{"texts", decode_all(tokenizer, of_texts, special)},
          {"lists", decode_all(tokenizer, job.at("lists").get<std::vector<Ids>>(), special)}};
}

}  // namespace kvdiff::parity
