#include <cstdint>
#include <string_view>

#include "cache_backends/error.h"
#include "scenarios/command_line.h"
#include "scenarios/plan.h"

// Any text is a scenario or a UserError; what is a scenario survives being written and read, and so does its plan.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const kvdiff::Scenario scenario = kvdiff::parse_scenario(text, "fuzz");
    const std::string once = kvdiff::to_json(scenario).dump();
    if (kvdiff::to_json(kvdiff::parse_scenario(once, "again")).dump() != once) __builtin_trap();
    for (const kvdiff::Case& run : kvdiff::make_plan(scenario).cases) kvdiff::command_line(run);
  } catch (const kvdiff::UserError&) {
  }
  return 0;
}
