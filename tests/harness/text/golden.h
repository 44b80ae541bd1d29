#pragma once
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/catch.h"

namespace kvdiff {

// A file of tests/harness/text/golden, made by the script beside it.
inline nlohmann::json text_golden(const std::string& name) {
  const std::string path = std::string(KVDIFF_SOURCE_DIR) + "/tests/harness/text/golden/" + name;
  std::ifstream file(path);
  INFO(path << ": missing? It is made by make_tokenizer_fixtures.py and make_chat_fixtures.py beside it");
  REQUIRE(file);
  return nlohmann::json::parse(file);
}

}  // namespace kvdiff
