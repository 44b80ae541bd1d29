#include "harness/model/files/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr size_t largest_index = 100'000'000;

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw UserError(ExitCode::input, fmt::format("{}: {}", file.string(), what));
}

// A link that leads nowhere counts: opening it then says where it leads. Never throws.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

// A shard stands beside its index: a name that leads elsewhere is refused before anything is opened.
void check_shard_name(const fs::path& index, const std::string& name) {
  const bool leads_away = name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos;
  const bool control =
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!leads_away && !control) return;
  refuse(index,
         "names the shard " + quote_name(name) + ", expected a plain file name in the same folder. Correct the index.");
}

// Tensor name to shard name, as the index has it.
std::map<std::string, std::string> read_index(const fs::path& index) {
  const json content = parse_strict_json(read_text_file(index, largest_index), index.string());
  if (!content.is_object() || !content.contains("weight_map") || !content["weight_map"].is_object()) {
    refuse(index, "has no object 'weight_map' (tensor name to file name). Get the index again.");
  }
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : content["weight_map"].items()) {
    if (!shard.is_string()) {
      refuse(index,
             fmt::format("weight_map {} is {}, expected a file name", quote_name(tensor), json_type_in_words(shard)));
    }
    check_shard_name(index, shard.get_ref<const std::string&>());
    shards[tensor] = shard.get<std::string>();
  }
  if (shards.empty()) refuse(index, "'weight_map' is empty. Get the index again.");
  return shards;
}

// All at once: a person who copied half a model wants one list.
void check_shards_are_there(const fs::path& index, const std::set<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (!is_there(index.parent_path() / name)) missing.push_back(quote_name(name));
  }
  if (missing.empty()) return;
  constexpr size_t shown = 20;
  const std::span<const std::string> list(missing.data(), std::min(missing.size(), shown));
  refuse(index,
         fmt::format("names {} shards, {} of them are missing: {}{}. Copy or download them into the same folder.",
                     names.size(), missing.size(), fmt::join(list, ", "), missing.size() > shown ? ", ..." : ""));
}

}  // namespace

Weights Weights::open(const fs::path& folder) {
  Weights weights;
  weights.folder_ = folder;
  const fs::path single = folder / "model.safetensors";
  const fs::path index = folder / "model.safetensors.index.json";
  if (is_there(single) || !is_there(index)) {
    weights.add(open_safetensors(single));
    return weights;
  }
  weights.index_ = index;
  const std::map<std::string, std::string> shards = read_index(index);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shards) names.insert(shard);
  check_shards_are_there(index, names);
  weights.files_.reserve(names.size());
  for (const std::string& name : names) weights.add(open_safetensors(folder / name));
  for (const auto& [tensor, shard] : shards) {
    const auto file = std::find_if(weights.files_.begin(), weights.files_.end(), [&](const SafetensorsFile& candidate) {
      return candidate.path.filename() == shard;
    });
    const TensorEntry* const found = weights.find(tensor);
    const std::vector<TensorEntry>& held = file->content.tensors;
    if (found == nullptr || found < held.data() || found >= held.data() + held.size()) {
      refuse(index,
             fmt::format("says that tensor {} is in {}, but it is {}. Index and shards are not of one model: get "
                         "both again.",
                         quote_name(tensor), quote_name(shard), found == nullptr ? "in no shard" : "in another shard"));
    }
  }
  return weights;
}

void Weights::add(SafetensorsFile file) {
  files_.push_back(std::move(file));
  const SafetensorsFile& added = files_.back();
  for (const TensorEntry& tensor : added.content.tensors) {
    if (by_name_.emplace(tensor.name, &tensor).second) continue;
    refuse(added.path,
           fmt::format("tensor {} is in another shard too. The shards are not of one model: get them again.",
                       quote_name(tensor.name)));
  }
}

const TensorEntry* Weights::find(std::string_view name) const {
  const auto entry = by_name_.find(name);
  return entry == by_name_.end() ? nullptr : entry->second;
}

const TensorEntry& Weights::at(std::string_view name) const {
  if (const TensorEntry* const entry = find(name)) return *entry;
  refuse(folder_, fmt::format("no tensor {} among the {} of its weights", quote_name(name), by_name_.size()));
}

std::vector<const TensorEntry*> Weights::tensors() const {
  std::vector<const TensorEntry*> all;
  for (const auto& [name, entry] : by_name_) all.push_back(entry);
  return all;
}

std::vector<fs::path> Weights::files() const {
  std::vector<fs::path> all;
  if (!index_.empty()) all.push_back(index_);
  for (const SafetensorsFile& file : files_) all.push_back(file.path);
  return all;
}

}  // namespace kvdiff
