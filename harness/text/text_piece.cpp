#include "harness/text/text_piece.h"

#include <algorithm>
#include <array>

#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr int byte_level_end = 256 + 68;

struct ByteLevelTable {
  std::array<char32_t, 256> character{};
  std::array<int, byte_level_end> byte{};
  ByteLevelTable() {
    byte.fill(-1);
    int next = 256;
    for (int b = 0; b < 256; ++b) {
      const int c = stands_for_itself(b) ? b : next++;
      character[static_cast<size_t>(b)] = static_cast<char32_t>(c);
      byte[static_cast<size_t>(c)] = b;
    }
  }
};

const ByteLevelTable& byte_level_table() {
  static const ByteLevelTable table;
  return table;
}

using Matches = std::vector<TextMatch>;

void extend_or_push(Matches& out, const TextMatch& match, bool extend) {
  if (extend && !out.empty()) {
    out.back().end = match.end;
  } else {
    out.push_back({match.begin, match.end, false});
  }
}

Matches contiguous(const Matches& matches) {
  Matches out;
  bool previous = false;
  for (const auto& match : matches) {
    extend_or_push(out, match, match.is_match == previous);
    previous = match.is_match;
  }
  return out;
}

Matches merged_with_previous(const Matches& matches) {
  Matches out;
  bool previous = false;
  for (const auto& match : matches) {
    extend_or_push(out, match, match.is_match && !previous);
    previous = match.is_match;
  }
  return out;
}

Matches merged_with_next(const Matches& matches) {
  Matches out;
  bool previous = false;
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    if (match->is_match && !previous && !out.empty()) {
      out.back().begin = match->begin;
    } else {
      out.push_back({match->begin, match->end, false});
    }
    previous = match->is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// Afterwards is_match means: to be thrown away.
Matches with_behavior(Matches matches, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::removed:
      return matches;
    case SplitBehavior::isolated:
      for (auto& match : matches) match.is_match = false;
      return matches;
    case SplitBehavior::contiguous:
      return contiguous(matches);
    case SplitBehavior::merged_with_previous:
      return merged_with_previous(matches);
    case SplitBehavior::merged_with_next:
      return merged_with_next(matches);
  }
  return matches;
}

}  // namespace

TextPiece cut_piece(const TextPiece& piece, size_t begin, size_t end) {
  TextPiece part;
  part.text = piece.text.substr(begin, end - begin);
  part.at_origin = begin < piece.origin_prefix;
  part.origin_prefix = piece.origin_prefix > begin ? std::min(piece.origin_prefix, end) - begin : 0;
  return part;
}

std::vector<TextPiece> split_pieces(std::vector<TextPiece> pieces, const FindMatches& find, SplitBehavior behavior) {
  std::vector<TextPiece> out;
  out.reserve(pieces.size());
  for (auto& piece : pieces) {
    if (piece.token_id >= 0) {
      out.push_back(std::move(piece));
      continue;
    }
    for (const auto& part : with_behavior(find(piece.text), behavior)) {
      if (!part.is_match && part.end > part.begin) out.push_back(cut_piece(piece, part.begin, part.end));
    }
  }
  return out;
}

FindMatches find_characters(std::function<bool(char32_t)> matches) {
  return [matches = std::move(matches)](std::string_view text) {
    Matches out;
    size_t covered = 0;
    for (size_t offset = 0; offset < text.size();) {
      const auto c = decode_valid_utf8(text, offset);
      if (matches(c.value)) {
        if (covered < offset) out.push_back({covered, offset, false});
        covered = offset + c.length;
        out.push_back({offset, covered, true});
      }
      offset += c.length;
    }
    if (covered < text.size()) out.push_back({covered, text.size(), false});
    return out;
  };
}

FindMatches inverted(FindMatches find) {
  return [find = std::move(find)](std::string_view text) {
    Matches matches = find(text);
    for (auto& match : matches) match.is_match = !match.is_match;
    return matches;
  };
}

char32_t byte_level_character(uint8_t byte) { return byte_level_table().character[byte]; }

int byte_of_byte_level_character(char32_t character) {
  return character < byte_level_end ? byte_level_table().byte[character] : -1;
}

void apply_byte_level(TextPiece& piece) {
  std::string mapped;
  mapped.reserve(piece.text.size() * 2);
  size_t origin_prefix = 0;
  for (size_t i = 0; i < piece.text.size(); ++i) {
    append_utf8(mapped, byte_level_character(static_cast<uint8_t>(piece.text[i])));
    if (i + 1 == piece.origin_prefix) origin_prefix = mapped.size();
  }
  piece.text = std::move(mapped);
  piece.origin_prefix = origin_prefix;
}

void prepend(TextPiece& piece, std::string_view text) {
  if (piece.text.empty()) return;
  piece.text.insert(0, text);
  if (piece.origin_prefix > 0) piece.origin_prefix += text.size();
}

}  // namespace kvdiff
