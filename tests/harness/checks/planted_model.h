#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/checks/checks.h"
#include "tests/support/tiny_llama.h"

namespace kvdiff::test {

// A tiny model folder into which faults are planted: a true one, read from disk like any other. Its matrices have rows and
// columns of different sizes, as trained ones do, and up_proj's rows go with down_proj's columns.
class PlantedModel {
 public:
  explicit PlantedModel(TinyLlama model = {.layers = 5});
  const std::filesystem::path& path() const { return folder_.path(); }

  TinyTensor& tensor(std::string_view name);
  void remove(std::string_view name);
  void write_tensors() const;
  void edit(const char* file, const std::function<void(nlohmann::json&)>& change) const;
  void add_chat_template() const;  // ChatML

  CheckedFolder read() const { return read_for_checks(path()); }
  std::vector<CheckFinding> file_findings() const { return run_file_checks(read()); }

 private:
  TemporaryFolder folder_;
  std::vector<TinyTensor> tensors_;
};

void shuffle(std::vector<float>& values, uint64_t seed = 1);

// Ids of the failed checks, in order.
std::vector<std::string> failed_ids(const std::vector<CheckFinding>& findings);
const CheckFinding& finding(const std::vector<CheckFinding>& findings, std::string_view id);
std::string all_text(const std::vector<CheckFinding>& findings);  // for INFO

}  // namespace kvdiff::test
