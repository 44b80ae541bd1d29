#include "harness/text_findings/languages.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "harness/text/code_point_set.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

struct Language {
  std::string_view name, words;
};

// The commonest function words; letters beyond ASCII stand as they are written in lower case.
constexpr std::array<Language, language_count> languages = {{
    {"English",
     " the of and to in a is that it was for on are with as his they at be this from have or by had not but what were "
     "we when there can an your which their said if will each about how up out them then she many some so these would her "
     "like him into has more two no my than been who you i he its our me do may "},
    {"German",
     " der die das und ist nicht ein eine einen einem einer mit auf für sich dem den des wird auch es von zu im als wenn "
     "nach noch wie nur oder aber aus bei durch ich er sie wir ihr kann sind wurde werden hat haben zum zur über vor muss "
     "dann am so da mal was "},
    {"French",
     " le la les de des et est un une du dans pour que qui sur avec pas au aux il elle je ne se ce cette plus par mais ou où "
     "nous vous ils leur son sa ses être avoir était comme tout bien déjà parce très trop peux c'est "},
    {"Spanish",
     " el la los las de del y en un una que es por con para se no su sus al lo como más pero muy está están son ha fue "
     "este esta también entre cuando hasta desde sin sobre nos ya porque todo puedo hay "},
    {"Italian",
     " il lo la i gli le di del della dei delle che è e un una per con non sono si in da al alla nel nella come più ma "
     "anche questo questa suo sua ha era molto dove quando perché "},
    {"Portuguese",
     " o a os as de do da dos das e em um uma que não é com para por no na nos nas se mais como mas foi ao ele ela seu sua "
     "são está também muito quando já "},
    {"Dutch",
     " de het een en van is dat niet op te zijn met voor aan er maar om ook als dan bij nog uit naar door wordt werd heeft "
     "hebben deze dit wij zij ik je haar hun over kan geen "},
    {"Polish",
     " i w z na nie się jest że jak ale po tak już czy tylko był była było jego jej od przez dla są być może ten tego gdy bo "
     "też jeszcze mnie co za ze jako które który która "},
    {"Swedish",
     " och att det som en på är av för med den till inte om ett han men var jag sig från så kan när nu hon ska hade har "
     "inte eller mycket också där här "},
    {"Turkish",
     " ve bir bu da için ile çok ne gibi daha kadar ama olan sonra değil mi var ben sen her ki ise ya şu onun bana şey "},
}};

constexpr std::array<std::string_view, script_count> scripts = {
    "Latin", "Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hebrew", "Hiragana", "Katakana", "Thai", "another"};

uint32_t languages_of(const std::string& word) {
  uint32_t found = 0;
  for (int i = 0; i < language_count; ++i)
    if (languages[static_cast<size_t>(i)].words.find(" " + word + " ") != std::string_view::npos) found |= 1u << i;
  return found;
}

bool is_letter_byte(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80; }

int script_of(char32_t letter) {
  for (int i = 0; i + 1 < script_count; ++i)
    if (unicode_class_bitmap(scripts[static_cast<size_t>(i)]).contains(letter)) return i;
  return script_count - 1;
}

}  // namespace

std::string_view language_name(int language) { return languages[static_cast<size_t>(language)].name; }
std::string_view script_name(int script) { return scripts[static_cast<size_t>(script)]; }

std::vector<CountedWord> counted_words(std::string_view text) {
  std::vector<CountedWord> words;
  for (size_t i = 0; i < text.size();) {
    if (!is_letter_byte(text[i])) {
      ++i;
      continue;
    }
    const size_t first = i;
    while (i < text.size() && (is_letter_byte(text[i]) || text[i] == '\'')) ++i;
    std::string word(text.substr(first, i - first));
    std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    words.push_back({first, text.substr(first, i - first), languages_of(word)});
  }
  return words;
}

std::vector<CountedLetter> counted_letters(std::string_view text) {
  std::vector<CountedLetter> letters;
  for (size_t i = 0; i < text.size();) {
    const auto point = decode_utf8(text, i);
    if (point && (point->value >= 0x80 ? unicode_class_bitmap("Lu").contains(point->value) || unicode_class_bitmap("Ll").contains(point->value) ||
                                             unicode_class_bitmap("Lo").contains(point->value)
                                       : is_letter_byte(text[i])))
      letters.push_back({i, point->value < 0x80 ? 0 : script_of(point->value)});
    i += point ? point->length : 1;
  }
  return letters;
}

}  // namespace kvdiff
