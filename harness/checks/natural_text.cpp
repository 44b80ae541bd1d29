#include "harness/checks/natural_text.h"

#include "cache_backends/error.h"
#include "scenarios/shipped.h"

namespace kvdiff {

std::string_view natural_text() {
  constexpr size_t characters = 1500;
  const ShippedFile* file = find_shipped(shipped_texts(), "newton-opticks");
  if (!file) throw InternalError("the text newton-opticks is not shipped");
  const size_t end = file->content.find(". ", characters);
  return file->content.substr(0, end == std::string_view::npos ? characters : end + 1);
}

}  // namespace kvdiff
