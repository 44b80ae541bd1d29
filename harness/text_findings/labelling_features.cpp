#include "harness/text_findings/labelling_features.h"

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/token_signals.h"

namespace kvdiff {
namespace {

constexpr double least_worth = 1e-3;   // nats: no text is worth less
constexpr double least_counted = 0.2;  // of the tokens of a window, for the mean of those that count
constexpr double largest_salad = 6;    // log-odds: what is beyond says no more

// Tokens [token + first, token + end).
struct Window {
  int64_t first, end;
  Column mean(const Column& values) const { return window_mean(values, first, end); }
  Column share(const TokenSignals& of) const { return over(mean(of.left), mean(of.worth), least_worth); }
};
constexpr Window around{-8, 9}, ahead{0, 16}, behind{-16, 0};

// Columns of salad_features.h.
constexpr size_t nll_of_forms = 6, is_foretold = 13, is_surprise = 14, function_word = 16, nll_function_word = 17;
enum FormColumn : size_t { punctuation, digit, everyday, rarer, beginning, rest };

Column constant(const TokenSignals& of, double value) { return Column(of.tokens(), value); }

Column blank(const TokenSignals& of) {
  return column(of.tokens(), [&](size_t i) {
    for (size_t form = 0; form < nll_of_forms; ++form)
      if (of.forms[form][i] != 0) return 0;
    return 1;
  });
}

// News that is a part of a word.
Column news_in_words(const TokenSignals& of) {
  return column(of.tokens(), [&](size_t i) {
    return of.news[i] * (of.forms[everyday][i] + of.forms[rarer][i] + of.forms[beginning][i] + of.forms[rest][i]);
  });
}

void add_token(FeatureTable& table, const TokenSignals& of) {
  table.add("always", constant(of, 1));
  for (const auto& [name, form] : {std::pair{"punctuation", punctuation}, {"digit", digit}, {"everyday", everyday}, {"rarer", rarer},
                                   {"beginning", beginning}, {"rest", rest}})
    table.add(name, of.forms[form]);
  size_t form = nll_of_forms;
  for (const char* name : {"blank_nll", "punctuation_nll", "digit_nll", "everyday_nll", "rarer_nll", "beginning_nll", "rest_nll"})
    table.add(name, of.forms[form++]);
  table.add("nll<0.3", below(of.nll, 0.3));
  table.add("nll<1", of.forms[is_foretold]);
  table.add("nll>5", of.forms[is_surprise]);
  table.add("function_word", of.forms[function_word]);
  table.add("function_word_nll", of.forms[nll_function_word]);
  table.add("said", of.said);
  table.add("order", of.order);
  table.add("news_in_words", news_in_words(of));
  table.add("word_news", of.word_news);
  table.add("loop", of.loop);
  table.add("same", of.same);
}

void add_window(FeatureTable& table, const TokenSignals& of, const std::string& name, const Window& window) {
  const Column salad = over(window.mean(times(of.counts, of.salad)), window.mean(of.counts), least_counted);
  const Column share = window.share(of), said = window.mean(of.said), word_news = window.mean(of.word_news);
  table.add(name + "_salad", clipped(salad, largest_salad));
  table.add(name + "_salad>0", above(salad, 0));
  table.add(name + "_salad>1.5", above(salad, 1.5));
  table.add(name + "_salad>-1.5", above(salad, -1.5));
  table.add(name + "_share>0.6", above(share, 0.6));
  table.add(name + "_share", share);
  table.add(name + "_said", said);
  table.add(name + "_said>0.5", above(said, 0.5));
  table.add(name + "_said>0.85", above(said, 0.85));
  table.add(name + "_word_news", word_news);
  table.add(name + "_word_news<0.03", below(word_news, 0.03));
  table.add(name + "_word_news<0.1", below(word_news, 0.1));
  table.add(name + "_digit", window.mean(of.forms[digit]));
  table.add(name + "_blank", window.mean(blank(of)));
  table.add(name + "_rest", window.mean(of.forms[rest]));
  table.add(name + "_foretold", window.mean(of.forms[is_foretold]));
}

void add_neighbours(FeatureTable& table, const TokenSignals& of) {
  const Column no_word = around.mean(of.no_word);
  table.add("pair", of.pair);
  table.add("around_pair", around.mean(of.pair));
  table.add("ahead_pair", ahead.mean(of.pair));
  table.add("around_punctuation", around.mean(of.forms[punctuation]));
  table.add("ahead_punctuation", ahead.mean(of.forms[punctuation]));
  table.add("around_function_word", around.mean(of.forms[function_word]));
  table.add("ahead_function_word", ahead.mean(of.forms[function_word]));
  table.add("around_loop", around.mean(of.loop));
  table.add("ahead_loop", ahead.mean(of.loop));
  table.add("no_word", of.no_word);
  table.add("around_no_word", no_word);
  table.add("around_no_word>0.25", above(no_word, 0.25));
}

// Share of the surprise that the tokens before each place leave, but for the last `without` of them.
Column share_before(const TokenSignals& of, size_t without) {
  const Column left = sums(of.left), worth = sums(of.worth);
  return column(of.tokens(), [&](size_t i) { return i < without ? 0 : left[i - without] / std::max(worth[i - without], least_worth); });
}

// How much more is left around a token than of all that stands well before it: a text that was followed until then.
void add_rise(FeatureTable& table, const TokenSignals& of) {
  constexpr size_t near = 16, enough = 24;
  const Column risen = minus(Window{-8, 17}.share(of), share_before(of, near));
  const Column rise = column(of.tokens(), [&](size_t i) { return i >= enough ? risen[i] : 0; });
  table.add("share_rise", rise);
  table.add("share_rise>0.2", above(rise, 0.2));
  table.add("share_rise>0.3", above(rise, 0.3));
}

void add_tail(FeatureTable& table, const TokenSignals& of) {
  const Column said = tail_mean(of.said), word_news = tail_mean(of.word_news);
  table.add("tail_said", said);
  table.add("tail_said>0.8", above(said, 0.8));
  table.add("tail_word_news", word_news);
  table.add("tail_word_news<0.04", below(word_news, 0.04));
  table.add("tail_word_news<0.08", below(word_news, 0.08));
  table.add("tail_short", column(of.tokens(), [&](size_t i) { return of.tokens() - i < 40 ? 1 : 0; }));
}

void add_text(FeatureTable& table, const TokenSignals& of, bool ended) {
  table.add("share_before", share_before(of, 0));
  table.add("ended", constant(of, ended ? 1 : 0));
  table.add("data", constant(of, of.data ? 1 : 0));
}

// How many tokens from each on were said before, without a gap.
Column said_run(const TokenSignals& of) {
  Column run(of.tokens() + 1, 0);
  for (size_t i = of.tokens(); i-- > 0;) run[i] = of.said[i] != 0 ? run[i + 1] + 1 : 0;
  run.pop_back();
  return run;
}

// The mean ahead less that behind, from token `from` on.
Column jump(const Column& values, int64_t length, size_t from) {
  const Column after = window_mean(values, 0, length), before = window_mean(values, -length, 0);
  return column(values.size(), [&](size_t i) { return after[i] - (i >= from ? before[i] : 0); });
}

Column share_jump(const TokenSignals& of) {
  const Column jumped = minus(Window{0, 20}.share(of), Window{-24, 0}.share(of));
  return column(of.tokens(), [&](size_t i) { return i >= 3 ? jumped[i] : 0; });
}

void add_start(FeatureTable& table, const TokenSignals& of, const GeneratedText& text) {
  constexpr double long_run = 24;
  const Column run = said_run(of);
  const auto all = [&](const auto& value) { return column(of.tokens(), value); };
  table.add("always", constant(of, 1));
  table.add("first", all([](size_t i) { return i == 0 ? 1 : 0; }));
  table.add("sentence", all([&](size_t i) { return begins_sentence(text, static_cast<int64_t>(i)) ? 1 : 0; }));
  table.add("share_jump", share_jump(of));
  table.add("said_jump", jump(of.said, 12, 1));
  table.add("word_news_jump", jump(of.word_news, 12, 1));
  table.add("nll", of.nll);
  table.add("nll>5", of.forms[is_surprise]);
  table.add("said_starts", all([&](size_t i) { return of.said[i] != 0 && (i == 0 || of.said[i - 1] == 0) ? 1 : 0; }));
  table.add("said_run", all([&](size_t i) { return std::min(run[i], long_run) / long_run; }));
  table.add("not_said", all([&](size_t i) { return 1 - of.said[i]; }));
  table.add("word_begins", all([&](size_t i) { return 1 - of.forms[rest][i]; }));
  table.add("news", of.news);
  table.add("first_three", all([](size_t i) { return i < 3 ? 1 : 0; }));
  table.add("word_news", of.word_news);
}

}  // namespace

LabellingFeatures labelling_features(const GeneratedText& text, const GibberishRules& rules) {
  const TokenSignals signals = token_signals(text, rules);
  LabellingFeatures features;
  add_token(features.token, signals);
  for (const auto& [name, window] : {std::pair{"around", around}, {"ahead", ahead}, {"behind", behind}})
    add_window(features.token, signals, name, window);
  add_neighbours(features.token, signals);
  add_rise(features.token, signals);
  add_tail(features.token, signals);
  add_text(features.token, signals, text.ended);
  add_start(features.start, signals, text);
  return features;
}

}  // namespace kvdiff
