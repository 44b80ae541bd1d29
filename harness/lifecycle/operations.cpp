#include "harness/lifecycle/operations.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

using Cache = std::unique_ptr<KvCache>;

Cache half_way(OperationTrial& trial) {
  Cache cache = trial.make();
  trial.tape.feed(*cache, trial.tape.middle());
  return cache;
}

void length(OperationTrial& trial) { trial.note(trial.expected.check_length()); }

// The fork goes on with the text, the original with something else.
void fork_goes_on(OperationTrial& trial) {
  const Cache original = half_way(trial);
  const Cache fork = original->fork();
  trial.tape.feed_bent(*original, trial.tape.middle(), trial.tape.tokens);
  trial.go_on(*fork, trial.tape.middle(), trial.tape.tokens);
}

// A copy of a copy, which dies while the original lives on.
void original_survives(OperationTrial& trial) {
  const Cache original = half_way(trial);
  {
    const Cache fork = original->fork()->fork();
    trial.tape.feed_bent(*fork, trial.tape.middle(), trial.tape.tokens);
  }
  trial.go_on(*original, trial.tape.middle(), trial.tape.tokens);
}

// Nothing of what it was copied from is left.
void deep_copy(OperationTrial& trial) {
  Cache original = half_way(trial);
  const Cache copy = original->fork()->fork();
  original->reset();
  trial.tape.append(*original, 0, trial.tape.prompt, true);
  original.reset();
  trial.go_on(*copy, trial.tape.middle(), trial.tape.tokens);
}

// The copy shares what is held (a fork copies references) and is fed all along: the original must not notice.
void shallow_copy(OperationTrial& trial) {
  const Cache original = half_way(trial);
  const Cache copy = original->fork();
  for (int64_t token = trial.tape.middle(); token < trial.tape.tokens; ++token) {
    trial.tape.feed_bent(*copy, token, token + 1);
    trial.go_on(*original, token, token + 1);
  }
}

// Two continuations, a token each in turn. The other one is compared, too, with a run of its own.
void interleaved(OperationTrial& trial) {
  const Tape& tape = trial.tape;
  const Cache one = half_way(trial), other = one->fork();
  for (int64_t token = tape.middle(); token < tape.tokens; ++token) {
    trial.go_on(*one, token, token + 1);
    tape.feed_bent(*other, token, token + 1);
  }
  const Cache alone = half_way(trial);
  tape.feed_bent(*alone, tape.middle(), tape.tokens);
  trial.note(difference(snapshot(*other), snapshot(*alone), tape.shape, tape.updates() - 1));
}

// A token that was appended and cropped away again never was, where it flushed nothing (what it pushed out of a window is
// encoded for good).
void crop_one_away(OperationTrial& trial) {
  const Tape& tape = trial.tape;
  const Cache cache = trial.make();
  trial.prefill(*cache);
  trial.applies = false;
  for (int64_t token = tape.prompt; token < tape.tokens; ++token) {
    if (!trial.expected.flushed(tape.update_of(token))) {
      tape.feed_bent(*cache, token, token + 1);
      cache->crop(token);
      trial.applies = true;
    }
    trial.go_on(*cache, token, token + 1);
  }
}

// The first `tokens` of each row: [B * H, T, D].
void cut(std::vector<float>& values, int64_t rows, int64_t tokens, int64_t head_size) {
  const size_t row = values.size() / static_cast<size_t>(rows), kept = static_cast<size_t>(tokens * head_size);
  std::vector<float> out;
  for (size_t i = 0; i < static_cast<size_t>(rows); ++i)
    out.insert(out.end(), values.data() + i * row, values.data() + i * row + std::min(kept, row));
  values = std::move(out);
}

// A crop into what is encoded shows less of it, and nothing else.
void crop_into_history(OperationTrial& trial) {
  const Tape& tape = trial.tape;
  const Cache cache = half_way(trial);
  Snapshot expected = snapshot(*cache);
  const int64_t tokens = std::max<int64_t>(1, tape.prompt / 2), rows = tape.shape.batch * tape.shape.heads;
  for (auto* side : {&expected.key, &expected.value})
    for (std::vector<float>& layer : *side) cut(layer, rows, tokens, tape.shape.head_size);
  for (int64_t& told : expected.lengths) told -= tape.middle() - tokens;
  cache->crop(tokens);
  trial.note(difference(snapshot(*cache), expected, tape.shape, tape.update_of(tape.middle() - 1)));
}

void another_life(OperationTrial& trial, void (*end_life)(KvCache& cache)) {
  const Cache cache = trial.make();
  trial.tape.append(*cache, 0, trial.tape.prompt, true);
  trial.tape.feed_bent(*cache, trial.tape.prompt, trial.tape.tokens);
  end_life(*cache);
  trial.prefill(*cache);
  trial.go_on(*cache, trial.tape.prompt, trial.tape.tokens);
}
void reset(OperationTrial& trial) {
  another_life(trial, [](KvCache& cache) { cache.reset(); });
}
void crop_to_zero(OperationTrial& trial) {
  another_life(trial, [](KvCache& cache) { cache.crop(0); });
}

// Round and back behind every token, then all beams take the last: the history has to move with them.
void reorder(OperationTrial& trial) {
  const Tape& tape = trial.tape;
  const int64_t batch = tape.shape.batch;
  std::vector<int64_t> round(static_cast<size_t>(batch)), back(round.size());
  for (int64_t i = 0; i < batch; ++i) {
    round[static_cast<size_t>(i)] = (i + 1) % batch;
    back[static_cast<size_t>((i + 1) % batch)] = i;
  }
  const Cache cache = trial.make();
  trial.prefill(*cache);
  for (int64_t token = tape.prompt; token < tape.tokens; ++token) {
    trial.go_on(*cache, token, token + 1);
    if (trial.found) return;
    cache->reorder(round);
    trial.note(trial.expected.check_held(*cache, tape.update_of(token), round));
    cache->reorder(back);
  }
  const std::vector<int64_t> last(round.size(), batch - 1);
  cache->reorder(last);
  trial.note(trial.expected.check_held(*cache, tape.updates() - 1, last));
}

// Nothing but bytes goes from one to the other.
Cache saved_and_restored(const OperationTrial& trial, Cache cache) {
  const std::vector<std::byte> saved = cache->save();
  cache.reset();
  Cache restored = trial.make();
  restored->restore(saved);
  return restored;
}

// A cache of another make that cannot be saved says so by UserError(usage), also when it is empty.
bool can_be_saved(const OperationTrial& trial) {
  try {
    trial.make()->save();
    return true;
  } catch (const UserError& error) {
    if (error.code() != ExitCode::usage) throw;
    return false;
  }
}

std::optional<Difference> told_otherwise(const KvCache& found, const KvCache& expected, int64_t update) {
  if (!(found.bytes() == expected.bytes())) return Difference{update, 0, "bytes held", {}};
  if (!(found.receipt() == expected.receipt())) return Difference{update, 0, "the receipt", {}};
  return std::nullopt;
}

// Behind the prompt and every flush, where attention still reads what is not held any more, one token later, where a window
// holds something again, and in the middle; beside a cache that was never saved.
void save_and_restore(OperationTrial& trial) {
  const Tape& tape = trial.tape;
  trial.applies = can_be_saved(trial);
  if (!trial.applies) return;
  const Cache stayed = trial.make();
  Cache moved = trial.make();
  for (int64_t update = 0; update < tape.updates() && !trial.found; ++update) {
    const int64_t token = update == 0 ? 0 : tape.prompt + update - 1, count = update == 0 ? tape.prompt : 1;
    for (KvCache* cache : {stayed.get(), moved.get()}) tape.append(*cache, token, count);
    const bool unsettled = update == 0 || trial.expected.flushed(update);
    if (unsettled) moved = saved_and_restored(trial, std::move(moved));
    trial.note(trial.expected.check_view(*moved, update));
    for (KvCache* cache : {stayed.get(), moved.get()}) {
      for (int layer = 0; layer < tape.shape.layers; ++layer) cache->count_read(layer);
      cache->settle();
    }
    const bool window_began = update > 0 && trial.expected.flushed(update - 1);
    if (!unsettled && (window_began || token == tape.middle())) moved = saved_and_restored(trial, std::move(moved));
    trial.note(trial.expected.check_held(*moved, update));
    trial.note(told_otherwise(*moved, *stayed, update));
  }
}

constexpr LifecycleOperation table[] = {{"length of every layer", length},
                                        {"fork, the copy goes on", fork_goes_on},
                                        {"fork, the original goes on", original_survives},
                                        {"deep copy", deep_copy},
                                        {"shallow copy", shallow_copy},
                                        {"two continuations interleaved", interleaved},
                                        {"crop", crop_one_away},
                                        {"crop into the history", crop_into_history},
                                        {"crop to zero", crop_to_zero},
                                        {"reset", reset},
                                        {"save and restore", save_and_restore},
                                        {"reorder", reorder}};

}  // namespace

void OperationTrial::go_on(KvCache& cache, int64_t first, int64_t last) {
  for (int64_t token = first; token < last; ++token) {
    tape.append(cache, token, 1);
    if (!found) note(expected.check_view(cache, tape.update_of(token)));
    cache.settle();
    if (!found) note(expected.check_held(cache, tape.update_of(token)));
  }
}

void OperationTrial::prefill(KvCache& cache) {
  tape.append(cache, 0, tape.prompt);
  note(expected.check_view(cache, 0));
  cache.settle();
  note(expected.check_held(cache, 0));
}

std::span<const LifecycleOperation> lifecycle_operations() { return table; }

const LifecycleOperation& find_lifecycle_operation(std::string_view name) {
  for (const LifecycleOperation& operation : table)
    if (operation.name == name) return operation;
  throw InternalError(fmt::format("no operation '{}'", name));
}

void try_operation(const LifecycleOperation& operation, OperationTrial& trial) {
  try {
    operation.run(trial);
  } catch (const std::exception& error) {
    trial.applies = true;
    trial.note(Difference{-1, 0, fmt::format("raises: {}", error.what()), {}});
  }
}

}  // namespace kvdiff
