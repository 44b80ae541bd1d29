#include "harness/text/metaspace.h"

#include <fmt/format.h>

#include "harness/text/pattern.h"

namespace kvdiff {
namespace {

Metaspace::Prepend read_scheme(JsonReader& fields) {
  const std::string text = fields.text("prepend_scheme");
  if (text == "always") return Metaspace::Prepend::always;
  if (text == "first") return Metaspace::Prepend::first;
  if (text == "never") return Metaspace::Prepend::never;
  fields.refuse(fmt::format("has \"prepend_scheme\": \"{}\", expected always, first or never", text));
}

}  // namespace

Metaspace read_metaspace(JsonReader& fields) {
  Metaspace out;
  out.replacement = read_character(fields, "replacement");
  fields.ignore("str_rep");
  if (fields.has("prepend_scheme")) out.prepend = read_scheme(fields);
  out.split = fields.boolean_or("split", true);
  if (!fields.boolean_or("add_prefix_space", true)) {
    if (out.prepend != Metaspace::Prepend::never) {
      fields.refuse("has \"add_prefix_space\": false, but \"prepend_scheme\" is not \"never\"");
    }
    out.prepend = Metaspace::Prepend::never;
  }
  return out;
}

void apply_metaspace(const Metaspace& metaspace, TextPiece& piece) {
  const size_t growth = metaspace.replacement.size() - 1;
  if (piece.origin_prefix > 0 && piece.text[0] == ' ') piece.origin_prefix += growth;
  piece.text = replace_matches(piece.text, find_literal(" ")(piece.text), metaspace.replacement);
  const bool wanted = metaspace.prepend == Metaspace::Prepend::always ||
                      (metaspace.prepend == Metaspace::Prepend::first && piece.at_origin);
  if (wanted && !piece.text.starts_with(metaspace.replacement)) prepend(piece, metaspace.replacement);
}

}  // namespace kvdiff
