#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/checks/groups.h"
#include "harness/model/files/llama_tensors.h"

// What a tensor file can be wrong in by itself. Of foreign names, those of tensors are the only ones shown, cut to a few.
namespace kvdiff {
namespace {

constexpr std::string_view head_name = "lm_head.weight", embedding_name = "model.embed_tokens.weight";

std::string several(std::vector<std::string> items) {
  constexpr size_t most = 3;
  const size_t count = items.size();
  if (count > most) items.resize(most);
  return fmt::format("{}{}", fmt::join(items, "; "), count > most ? fmt::format("; and {} more", count - most) : "");
}

CheckResult readable(const CheckInput& input) {
  const auto refused = input.model.refused.find("weights");
  if (refused != input.model.refused.end()) return failed(refused->second, "whole safetensors files", "download the weights again");
  if (!input.model.weights) return not_applicable("the weights were not read");
  return passed(fmt::format("{} tensors", input.model.weights->tensors().size()));
}

CheckResult shapes(const CheckInput& input) {
  std::vector<std::string> wrong;
  const std::vector<ExpectedTensor> expected = llama_tensors(*input.model.config);
  for (const ExpectedTensor& one : expected) {
    if (one.name == head_name) continue;
    const TensorEntry* found = input.model.weights->find(one.name);
    if (!found) wrong.push_back(fmt::format("{} is missing", one.name));
    else if (found->shape != one.shape) wrong.push_back(fmt::format("{} is {}, not {}", one.name, shape_text(found->shape), shape_text(one.shape)));
    else if (found->type == StoredType::other) wrong.push_back(fmt::format("{} is of type {}", one.name, found->type_name));
  }
  if (wrong.empty()) return passed(fmt::format("{} tensors as config.json describes them", expected.size()));
  return failed(several(wrong), "the tensors that config.json describes, in F32, F16 or BF16",
                "config.json and weights are not of one model, or a file is missing: get both again");
}

CheckResult head(const CheckInput& input) {
  const ModelConfig& config = *input.model.config;
  const TensorEntry* found = input.model.weights->find(head_name);
  const TensorEntry* embedding = input.model.weights->find(embedding_name);
  const std::string advice = "set tie_word_embeddings to what the model was trained with, or get the weights again";
  if (!config.tie_word_embeddings) {
    if (found) return passed("the head has a tensor of its own");
    return failed("no lm_head.weight, and tie_word_embeddings false", "a head", advice);
  }
  if (!found || !embedding) return passed("the head is the embedding");
  if (std::equal(found->bytes.begin(), found->bytes.end(), embedding->bytes.begin(), embedding->bytes.end()))
    return passed("the head is a copy of the embedding");
  return failed("an lm_head.weight that differs from the embedding, and tie_word_embeddings true", "the same values in both", advice);
}

CheckResult finite(const CheckInput& input) {
  std::vector<std::string> wrong;
  for (const TensorFigures& one : input.model.figures)
    if (one.nan + one.infinite > 0)
      wrong.push_back(fmt::format("{} NaN and {} infinite among {} values of {}", one.nan, one.infinite, one.count, one.name));
  if (wrong.empty()) return passed(fmt::format("no NaN, no infinity in {} tensors", input.model.figures.size()));
  return failed(several(wrong), "finite weights", "get the weights again, or convert them from their own type anew");
}

bool bias(std::string_view name) { return name.ends_with(".bias"); }

// A freshly made norm is all ones and a bias may be all zeros; a trained matrix is neither.
std::string emptiness(const TensorFigures& one) {
  constexpr double most_zero_rows = 0.05;
  if (bias(one.name) || one.count < 2) return "";
  if (one.all_zero()) return fmt::format("{} is all zeros", one.name);
  if (!one.matrix()) return "";
  if (one.constant()) return fmt::format("{} is {} everywhere", one.name, one.least);
  const bool in_layer = place_of(one.name).layer >= 0;  // rows of an embedding may be unused
  if (in_layer && static_cast<double>(one.zero_rows) > most_zero_rows * static_cast<double>(one.shape[0]))
    return fmt::format("{} of {} rows of {} are all zeros", one.zero_rows, one.shape[0], one.name);
  return "";
}

CheckResult filled(const CheckInput& input) {
  std::vector<std::string> wrong;
  for (const TensorFigures& one : input.model.figures)
    if (std::string text = emptiness(one); !text.empty()) wrong.push_back(std::move(text));
  if (wrong.empty()) return passed("no tensor is all zeros or constant");
  return failed(several(wrong), "values that differ", "get the weights again: the file was written in part, or before the values were there");
}

constexpr CheckRow rows[] = {
    {"weights.readable", "a file is damaged, a shard is missing", "damage that leaves the header whole", 0, readable},
    {"weights.shapes", "tensors are missing, or are not those that config.json describes", "two tensors of one shape exchanged",
     needs_config | needs_weights, shapes},
    {"weights.head", "the output head is missing, or contradicts the embedding that it is tied to", "a head of another model of the same size",
     needs_config | needs_weights, head},
    {"weights.finite", "NaN or infinity", "values that become infinite only when they are multiplied: arithmetic.finite", needs_weights, finite},
    {"weights.filled", "a tensor was never written: all zeros, constant, or many rows of zeros", "a norm that was never trained: all ones is legal",
     needs_weights, filled},
};

}  // namespace

std::span<const CheckRow> weight_checks() { return rows; }

}  // namespace kvdiff
