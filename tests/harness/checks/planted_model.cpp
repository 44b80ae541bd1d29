#include "tests/harness/checks/planted_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "harness/model/files/safetensors_writer.h"
#include "tests/support/portable_random.h"

namespace kvdiff::test {
namespace {

// Factors from 1/4 to 4, the same for the same axis.
std::vector<float> factors(const std::string& axis, int64_t size) {
  PortableRandom random = PortableRandom::for_name(7, axis);
  std::vector<float> all;
  for (int64_t i = 0; i < size; ++i) all.push_back(static_cast<float>(std::exp2(2 * random.normal() / 3)));
  return all;
}

void give_structure(TinyTensor& tensor) {
  const std::string layer = tensor.name.substr(0, tensor.name.find(".mlp") == std::string::npos ? 0 : tensor.name.find(".mlp"));
  const bool up = tensor.name.ends_with("up_proj.weight"), down = tensor.name.ends_with("down_proj.weight");
  const std::vector<float> row = factors(up ? layer + "inner" : tensor.name + "rows", tensor.shape[0]);
  const std::vector<float> column = factors(down ? layer + "inner" : tensor.name + "columns", tensor.shape[1]);
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    const size_t width = column.size();
    tensor.values[i] *= row[i / width] * column[i % width];
  }
}

}  // namespace

PlantedModel::PlantedModel(TinyLlama model) : tensors_(tiny_llama_tensors(model)) {
  write_tiny_llama(folder_.path(), model);
  for (TinyTensor& one : tensors_)
    if (one.shape.size() == 2 && place_of(one.name).layer >= 0) give_structure(one);
  write_tensors();
}

TinyTensor& PlantedModel::tensor(std::string_view name) {
  for (TinyTensor& one : tensors_)
    if (one.name == name) return one;
  throw std::logic_error("no such tensor");
}

void PlantedModel::remove(std::string_view name) {
  std::erase_if(tensors_, [&](const TinyTensor& one) { return one.name == name; });
}

void PlantedModel::write_tensors() const {
  std::vector<TensorEntry> entries;
  for (const TinyTensor& one : tensors_) entries.push_back(float32_entry(one.name, one.shape, one.values));
  write_safetensors(path() / "model.safetensors", entries, {{"format", "pt"}});
}

void PlantedModel::edit(const char* file, const std::function<void(nlohmann::json&)>& change) const {
  std::ifstream in(path() / file);
  nlohmann::json value = nlohmann::json::parse(in);
  change(value);
  write_text(path() / file, value.dump());
}

void PlantedModel::add_chat_template() const {
  write_text(path() / "chat_template.jinja",
             "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}");
}

void shuffle(std::vector<float>& values, uint64_t seed) {
  PortableRandom random(seed);
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

std::vector<std::string> failed_ids(const std::vector<CheckFinding>& findings) {
  std::vector<std::string> ids;
  for (const CheckFinding& one : findings)
    if (one.failed()) ids.push_back(one.id);
  return ids;
}

const CheckFinding& finding(const std::vector<CheckFinding>& findings, std::string_view id) {
  for (const CheckFinding& one : findings)
    if (one.id == id) return one;
  throw std::logic_error("no such check");
}

std::string all_text(const std::vector<CheckFinding>& findings) {
  std::string text;
  for (const CheckFinding& one : findings) text += std::string(name_of(one.result.outcome)) + " " + text_of(one) + "\n";
  return text;
}

}  // namespace kvdiff::test
