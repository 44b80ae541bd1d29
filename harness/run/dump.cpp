#include "harness/run/dump.h"

#include <fmt/format.h>

#include <system_error>

#include "cache_backends/error.h"
#include "harness/model/files/safetensors_writer.h"

namespace kvdiff {
namespace {

std::string place_of(const Observation& seen) {
  return seen.layer < 0 ? std::string(name_of(seen.stage))
                        : fmt::format("layer-{:02}/{}", seen.layer, name_of(seen.stage));
}

}  // namespace

DumpObserver::DumpObserver(std::filesystem::path folder, int64_t first, int64_t last)
    : folder_(std::move(folder)), first_(first), last_(last) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error || !std::filesystem::is_directory(folder_))
    throw UserError(ExitCode::io, fmt::format("--dump {}: cannot make this folder ({}). Name one that you may write to.",
                                              folder_.string(), error.message()));
}

void DumpObserver::on(const Observation& seen) {
  if (seen.step < first_ || seen.step > last_) return;
  const std::lock_guard lock(mutex_);
  if (seen.step != step_) write_step();
  step_ = seen.step;
  const std::string place = place_of(seen);
  const std::vector<int64_t> shape = {seen.rows, seen.columns};
  // What was encoded last may be another stretch of tokens in each lane, so its reference stands beside each.
  const bool history = seen.stage == Stage::key_read || seen.stage == Stage::value_read;
  const std::string lane = fmt::format("lane-{}.{}/", seen.lane, name_of(seen.mode));
  tensors_[(history ? lane + "reference/" : std::string("reference/")) + place] = {
      shape, copy_of(seen, seen.reference)};
  tensors_[lane + place] = {shape, copy_of(seen, seen.candidate)};
}

void DumpObserver::write_step() {
  if (tensors_.empty()) return;
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors_) entries.push_back(float32_entry(name, tensor.shape, tensor.values));
  files_.push_back(folder_ / fmt::format("step-{:06}.safetensors", step_));
  write_safetensors(files_.back(), entries, {{"format", "pt"}, {"step", std::to_string(step_)}});
  tensors_.clear();
}

std::vector<std::filesystem::path> DumpObserver::finish() {
  write_step();
  return files_;
}

}  // namespace kvdiff
