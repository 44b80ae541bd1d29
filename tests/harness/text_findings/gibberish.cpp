#include "harness/text_findings/gibberish.h"

#include <cctype>
#include <fmt/format.h>
#include <map>
#include <vector>

#include "cache_backends/error.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

// A text cut as byte-level BPE would roughly cut it: words with the space before them, digits one by one, runs of spaces,
// other characters one by one. Equal pieces have equal ids.
struct Text {
  std::vector<int32_t> tokens;
  std::vector<std::string> pieces;
  bool ended = false;

  GeneratedText generated() const { return {tokens, pieces, ended}; }
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80; }

size_t piece_length(const std::string& text, size_t start) {
  size_t end = start;
  while (end < text.size() && text[end] == ' ') ++end;
  if (end - start > 1) return end - start - 1;  // the last space goes with the word
  if (end == text.size()) return end - start;
  if (!is_letter(text[end])) return end - start + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return end - start;
}

Text cut(const std::string& text, bool ended = false) {
  Text result;
  result.ended = ended;
  std::map<std::string, int32_t> ids;
  for (size_t start = 0; start < text.size();) {
    const std::string piece = text.substr(start, piece_length(text, start));
    result.pieces.push_back(piece);
    result.tokens.push_back(ids.emplace(piece, static_cast<int32_t>(ids.size())).first->second);
    start += piece.size();
  }
  return result;
}

std::string times(int count, const std::string& text) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

GibberishFinding find(const std::string& text, bool ended = false) { return find_gibberish(cut(text, ended).generated()); }

GibberishFinding detect(const std::string& reference, const std::string& candidate) {
  return detect_gibberish(cut(reference).generated(), cut(candidate).generated());
}

void check_sound(const std::string& text) {
  for (const bool ended : {false, true}) {
    const GibberishFinding found = find(text, ended);
    INFO(text << "\n" << found.evidence);
    CHECK(found.kind == GibberishKind::none);
    CHECK(found.onset == -1);
  }
}

const std::string prose =
    "The lighthouse stood on a rock two miles from the shore, and nobody had lived in it since the old keeper died. In "
    "autumn, when the fog came down from the hills and lay upon the water for days, the fishermen steered by the sound of "
    "the bell that hung in its gallery, though none of them could have said who rang it. My grandfather, who believed in "
    "nothing that he had not mended himself, rowed out one evening with a lamp and a bag of tools to see what kept it going.";

}  // namespace

TEST_CASE("sound text is left alone", "[text_findings][gibberish]") {
  check_sound(prose);
  check_sound("Yes.");
  check_sound("No, no, no, no! I never said that.");
}

TEST_CASE("a loop of two tokens, as a 2-bit cache writes it", "[text_findings][gibberish]") {
  const GibberishFinding found = find("A bicycle stays upright because " + times(60, "A."));
  CHECK(found.kind == GibberishKind::loop);
  CHECK(found.onset == 7);  // A| bicycle| stays| upright| because| A|.|A: the first "A" has a space before it; a turn begins behind the stop
  CHECK(found.period == 2);
  CHECK(found.turns >= 59);
}

TEST_CASE("a loop of a phrase, as a 4-bit cache along the wrong axis writes it", "[text_findings][gibberish]") {
  const std::string before = "The best way to ride is to use a";
  const GibberishFinding found = find(before + times(12, " 1-foot-long,"));
  const auto start = static_cast<int64_t>(cut(before).tokens.size());
  CHECK(found.kind == GibberishKind::loop);
  CHECK(found.onset == start);
  CHECK(found.period == 6);
  CHECK(found.period_text == " 1-foot-long,");
  CHECK(found.turns == 12);
  CHECK(found.evidence.find("6 tokens repeated 12 times") != std::string::npos);
}

TEST_CASE("a loop of whole sentences, cut off in the middle of a turn", "[text_findings][gibberish]") {
  const std::string turn = " The keeper went up the stairs and lit the lamp, and then he went down and slept.";
  const GibberishFinding found = find(prose + times(5, turn) + " The keeper went");
  CHECK(found.kind == GibberishKind::loop);
  CHECK(found.onset == static_cast<int64_t>(cut(prose).tokens.size()));  // the full stop before it turns, too, but begins no sentence
  CHECK(found.period_text == turn);
  CHECK(found.turns == 5);
}

TEST_CASE("a loop that the model got out of takes twice as much", "[text_findings][gibberish]") {
  const std::string turn = " and the lamp went out";
  CHECK(find(prose + times(5, turn)).kind == GibberishKind::loop);
  CHECK(find(prose + times(5, turn) + " in the end. He laughed.").kind == GibberishKind::none);
  const GibberishFinding found = find(prose + times(20, turn) + " in the end. He laughed.");
  CHECK(found.kind == GibberishKind::loop);
  CHECK(found.onset == static_cast<int64_t>(cut(prose).tokens.size()));
}

TEST_CASE("a reference may loop as well: full-precision output of a small model", "[text_findings][gibberish]") {
  const std::string turn = " is:\n\n\"The Song of the Ancients\"\n\nThe song";
  const GibberishFinding song = find("The song is:\n\n\"The Song of the Ancients\"\n\nThe chorus is:\n\n\"The Song of the Ancients\"\n\nThe song" +
                                     times(17, turn));
  CHECK(song.kind == GibberishKind::loop);
  CHECK(song.turns >= 17);
  std::string table = "| Capital | Population | Language |\n| ---| ---| ---|---|\n";
  const std::string rows[] = {"| USA | 2018 | English | English |\n", "| UK | 2018 | English | English |\n",
                              "| Germany | 2018 | German | German |\n", "| France | 2018 | French | French |\n",
                              "| Italy | 2018 | Italian | Italian |\n", "| Spain | 2018 | Spanish | Spanish |\n"};
  for (const int i : {0, 1, 2, 3, 4, 5, 1, 2, 0, 1, 3, 4, 5, 1, 2, 0, 1, 3, 4, 5, 1, 2}) table += rows[i];
  CHECK(find(table).kind == GibberishKind::repetition);
}

TEST_CASE("one token for ever", "[text_findings][gibberish]") {
  const GibberishFinding found = find(prose + times(40, " the"));
  CHECK(found.kind == GibberishKind::stuck_token);
  CHECK(found.onset == static_cast<int64_t>(cut(prose).tokens.size()));
  CHECK(found.period == 1);
  CHECK(found.turns == 40);
  CHECK(found.period_text == " the");
  CHECK(find(prose + times(200, "!")).kind == GibberishKind::stuck_token);
}

TEST_CASE("repetition without an exact period", "[text_findings][gibberish]") {
  // The same three phrases in an order that never settles.
  const std::string phrases[] = {" the lamp in the tower was lit again", " and the sea was very dark that night",
                                 " so the men were rowing to the shore"};
  std::string tail;
  for (const int i : {0, 1, 2, 0, 2, 1, 1, 0, 2, 2, 0, 1, 0, 2, 1, 2, 0, 1, 1, 2, 0, 0, 2, 1, 0, 1, 2, 1, 0, 2}) tail += phrases[i];
  const GibberishFinding found = find(prose + tail);
  const auto start = static_cast<int64_t>(cut(prose).tokens.size());
  CHECK(found.kind == GibberishKind::repetition);
  CHECK(found.onset >= start);
  CHECK(found.onset <= start + 40);  // the first hearing of each phrase is no repetition
}

TEST_CASE("a long tail of repetition does not pull its onset into sound text", "[text_findings][gibberish]") {
  std::string tail;
  uint32_t dice = 1;
  for (int i = 0; i < 300; ++i) {
    dice = dice * 1664525u + 1013904223u;
    tail += dice >> 31 ? " it was the lamp again" : " and then it was the sea";
  }
  const GibberishFinding found = find(prose + tail);
  CHECK(found.kind == GibberishKind::repetition);
  CHECK(found.onset >= static_cast<int64_t>(cut(prose).tokens.size()));
}

TEST_CASE("nothing, or white space alone", "[text_findings][gibberish]") {
  CHECK(find("").kind == GibberishKind::empty);
  CHECK(find("", true).kind == GibberishKind::empty);
  CHECK(find("").onset == 0);
  CHECK(find(" \n\n \t\n").kind == GibberishKind::empty);
  CHECK(find(times(100, "\n")).kind == GibberishKind::empty);
}

TEST_CASE("bytes that are no UTF-8", "[text_findings][gibberish]") {
  Text text = cut("A lamp and a");
  text.pieces.push_back(" bell\xe2\x82");
  text.tokens.push_back(1000);
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::none);  // cut off, may go on
  text.ended = true;
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::invalid_utf8);

  text.pieces.push_back("\xac and");  // completes the euro sign
  text.tokens.push_back(1001);
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::none);
  text.pieces.push_back("\xff\xfe");
  text.tokens.push_back(1002);
  const GibberishFinding found = find_gibberish(text.generated());
  CHECK(found.kind == GibberishKind::invalid_utf8);
  CHECK(found.onset == 6);
  CHECK(found.evidence.find("0xff") != std::string::npos);
}

TEST_CASE("of two kinds the earlier is given", "[text_findings][gibberish]") {
  Text text = cut("A lamp" + times(40, " the"));
  text.pieces.back() = "\xff";
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::stuck_token);
  text.pieces.front() = "\xff";
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::invalid_utf8);
}

TEST_CASE("lists, tables, code, refrains and rulers are no gibberish", "[text_findings][gibberish]") {
  check_sound(
      "Here is your list:\n\n1. Apples\n2. Bananas\n3. Carrots\n4. Bread\n5. Milk\n6. Eggs\n7. Butter\n8. Cheese\n9. Rice\n10. Beans\n"
      "11. Onions\n12. Garlic\n13. Tomatoes\n14. Pasta\n15. Olive oil\n16. Chicken\n17. Yoghurt\n18. Oats\n19. Coffee\n20. Tea\n");
  check_sound(
      "| Country | Capital | Population | Language |\n|---|---|---|---|\n| France | Paris | 68 million | French |\n| Spain | Madrid | 48 "
      "million | Spanish |\n| Italy | Rome | 59 million | Italian |\n| Poland | Warsaw | 38 million | Polish |\n| Greece | Athens | 10 "
      "million | Greek |\n| Norway | Oslo | 5 million | Norwegian |\n| Sweden | Stockholm | 10 million | Swedish |\n| Portugal | Lisbon | 10 "
      "million | Portuguese |\n");
  check_sound(
      "def insert(self, value):\n        if value < self.value:\n            if self.left is None:\n                self.left = "
      "Node(value)\n            else:\n                self.left.insert(value)\n        else:\n            if self.right is None:\n     "
      "           self.right = Node(value)\n            else:\n                self.right.insert(value)\n\ndef find(self, value):\n        "
      "if value == self.value:\n            return self\n        if value < self.value:\n            return self.left.find(value) if "
      "self.left else None\n        return self.right.find(value) if self.right else None\n");
  const std::string chorus = "Row, row, row your boat,\nGently down the stream,\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n\n";
  check_sound(chorus + "The river bends beneath the hill where grandfather would lie.\n\n" + chorus +
              "And all the boats are coming home, the lanterns drifting by.\n\n" + chorus);
  check_sound("Name: ____________________\nDate: ____________________\n\n----------------------------------------\n\nDear Sir,\n" + prose);
  check_sound("int main() {\n    for (;;) {\n        if (a) {\n            while (b) {\n                c();\n            }\n        }\n    }\n}\n");
  check_sound("He laughed: ha ha ha ha ha ha ha ha! Then he was very, very, very, very tired.");
  check_sound("| a | b | c | d | e | f | g | h |\n|---|---|---|---|---|---|---|---|\n| 0 | 0 | 0 | 1 | 0 | 0 | 1 | 0 |\n");
  check_sound("Fill in:\n" + times(6, "| | | |\n"));
  std::string counting;
  for (int i = 1; i <= 60; ++i) counting += fmt::format("{}, ", i);
  check_sound(counting);
  std::string squares;
  for (int i = 1; i <= 30; ++i) squares += fmt::format("The square of {} is {}.\n", i, i * i);
  check_sound(squares);
}

TEST_CASE("what the reference does, too, is not the candidate's fault", "[text_findings][gibberish]") {
  const std::string turn = " the lamp was lit and";
  const GibberishFinding same = detect(prose + times(10, turn), prose + times(12, turn));
  CHECK(same.kind == GibberishKind::none);
  CHECK(same.reference_too);
  CHECK(same.evidence.find("the reference does the same") != std::string::npos);
  // Another kind of being stuck counts as the same.
  CHECK(detect(prose + times(40, " the"), prose + times(12, turn)).reference_too);
}

TEST_CASE("but it is, if the reference does it much later, or otherwise, or not at all", "[text_findings][gibberish]") {
  const std::string turn = " the lamp was lit and";
  const GibberishFinding found = detect(prose, "A lamp." + times(12, turn));
  CHECK(found.kind == GibberishKind::loop);
  CHECK_FALSE(found.reference_too);
  const GibberishFinding earlier = detect(prose + times(12, turn), "A lamp." + times(30, turn));
  CHECK(earlier.kind == GibberishKind::loop);
  CHECK(earlier.onset == 3);
  CHECK(earlier.evidence.find("the reference begins only at token") != std::string::npos);
  CHECK(detect("", prose + times(12, turn)).kind == GibberishKind::loop);
  CHECK(detect(prose + times(12, turn), "").kind == GibberishKind::empty);
  CHECK(detect("", "").reference_too);
}

TEST_CASE("tokens and pieces must match in number", "[text_findings][gibberish]") {
  Text text = cut("a b c");
  text.pieces.pop_back();
  CHECK_THROWS_AS(find_gibberish(text.generated()), InternalError);
  CHECK(name_of(GibberishKind::stuck_token) == "stuck_token");
}

TEST_CASE("line breaks in a row that nobody foresaw are no salad", "[text_findings][gibberish]") {
  Text text = cut("Dear Dana,");
  std::vector<double> nll(text.tokens.size(), 4);
  for (int i = 0; i < 20; ++i) text.pieces.push_back("\n"), text.tokens.push_back(30), nll.push_back(10);
  const Text body = cut(prose);
  for (size_t i = 0; i < body.tokens.size(); ++i)
    text.pieces.push_back(body.pieces[i]), text.tokens.push_back(body.tokens[i] + 100), nll.push_back(1);
  GeneratedText scored = text.generated();
  scored.nll = nll;
  CHECK(find_gibberish(scored).kind == GibberishKind::none);
}
