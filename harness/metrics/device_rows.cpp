#include "harness/metrics/device_rows.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"
#include "harness/metrics/portable_math.h"
#include "harness/metrics/softmax.h"
#include "harness/metrics/vocabulary.h"

namespace kvdiff {
namespace {

template <class Figures>
constexpr int64_t words = static_cast<int64_t>(sizeof(Figures) / sizeof(uint64_t));

constexpr int64_t room = 1 << 16;  // words: the figures of a step of about thirty layers

template <class Figures>
device::Span<Figures> part(const device::Array<uint64_t>& all, int64_t first, int64_t count) {
  return {reinterpret_cast<Figures*>(all.data() + first), count};
}

SoftmaxComparison compared(const device::SoftmaxFigures& figures) {
  return comparison_of(figures.reference_sum, figures.candidate_max, {figures.candidate_sum, figures.weighted_difference});
}

bool followed_is_known(const Observation& observation) {
  return observation.followed_token >= 0 && observation.followed_token < observation.columns;
}

TopTwo top_two(int64_t token, float best, float second, int64_t vocabulary) {
  return {static_cast<int32_t>(token), vocabulary == 1 ? 0 : margin(best, second)};
}

}  // namespace

DeviceRows::Place DeviceRows::place_at(int64_t first, const Observation& observation) {
  const int64_t rows = observation.rows;
  const bool vocabulary = observation.stage == Stage::logits, softmax = vocabulary || observation.stage == Stage::attention_logits;
  Place place{};
  place.pairs = first;
  place.softmax = place.pairs + rows * words<device::PairFigures>;
  place.vocabulary = place.softmax + (softmax ? rows * words<device::SoftmaxFigures> : 0);
  place.end = place.vocabulary + (vocabulary ? words<device::VocabularyFigures> : 0);
  return place;
}

bool DeviceRows::has_room(const Observation& observation) const {
  return started_.empty() || place_at(used_, observation).end <= on_device_.size();
}

void DeviceRows::start(const Observation& observation) {
  device::Device& device = *observation.device;
  const Place at = place_at(used_, observation);
  if (at.end > on_device_.size()) on_device_ = device::Array<uint64_t>(device, std::max(room, at.end));  // nothing is in it yet
  const auto reference = device::span(observation.reference), candidate = device::span(observation.candidate);
  const int64_t rows = observation.rows, columns = observation.columns;
  device::launch<device::ComparePairs>(device,
                                       {reference, candidate, part<device::PairFigures>(on_device_, at.pairs, rows), columns});
  if (at.softmax < at.vocabulary)
    device::launch<device::CompareSoftmax>(
        device, {reference, candidate, part<device::SoftmaxFigures>(on_device_, at.softmax, rows), columns});
  if (at.vocabulary < at.end)
    device::launch<device::CompareVocabularies>(
        device, {reference, candidate, part<device::VocabularyFigures>(on_device_, at.vocabulary, 1),
                 followed_is_known(observation) ? observation.followed_token : -1});
  used_ = at.end;
  started_.push_back(observation);
}

std::vector<Observation> DeviceRows::turn() {
  here_ = std::exchange(coming_words_, started_.empty() ? device::Reading<uint64_t>() : on_device_.start_read(0, used_));
  std::vector<Observation> handed_out = std::exchange(coming_, std::exchange(started_, {}));
  used_ = 0;
  words_ = here_.wait();
  next_ = 0;
  return handed_out;
}

void DeviceRows::take(const Observation& observation) {
  observation_ = &observation;
  place_ = place_at(next_, observation);
  next_ = place_.end;
}

template <class Figures>
Figures DeviceRows::figures(int64_t first, int64_t index) const {
  Figures out;
  std::memcpy(&out, words_.data() + first + index * words<Figures>, sizeof out);
  return out;
}

device::PairFigures DeviceRows::pair(int row) const { return figures<device::PairFigures>(place_.pairs, row); }

RowResult DeviceRows::measure(int row) {
  const device::PairFigures from = pair(row);
  RowResult result;
  result.sums = {from.reference_squared,   from.candidate_squared,                 from.product, from.difference_squared,
                 from.absolute_difference, static_cast<double>(from.sign_flips), from.max_abs};
  result.compared = observation_->columns - from.not_finite;
  result.not_finite_reference = from.not_finite_reference;
  result.not_finite_candidate = from.not_finite_candidate;
  result.first_not_finite = from.first_not_finite;
  result.first_not_finite_reference = from.first_not_finite_reference;
  return result;
}

int64_t DeviceRows::index_of_max_abs(int row, double) { return pair(row).max_abs_index; }

RowSource::Values DeviceRows::at(int row, int64_t index) {
  const device::PairFigures from = pair(row);
  const auto values = [](const device::ValuePair& pair) { return Values{pair.reference, pair.candidate}; };
  if (index == 0) return values(from.first);
  if (index == from.first_not_finite) return values(from.at_first_not_finite);
  if (index == from.first_not_finite_reference) return values(from.at_first_not_finite_reference);
  throw InternalError(fmt::format("value {} of a row on the device was not brought over", index));
}

double DeviceRows::attention_kl(int row) { return compared(figures<device::SoftmaxFigures>(place_.softmax, row)).kl; }

VocabularyStep DeviceRows::vocabulary() {
  const auto from = figures<device::VocabularyFigures>(place_.vocabulary, 0);
  const auto softmax = figures<device::SoftmaxFigures>(place_.softmax, 0);
  LogitFigures figures;
  figures.vocabulary = observation_->columns;
  figures.softmax = compared(softmax);
  figures.reference_max = softmax.reference_max;
  figures.reference_log_sum = portable_log(softmax.reference_sum);
  figures.reference = top_two(from.reference_token, from.reference_best, from.reference_second, figures.vocabulary);
  figures.candidate = top_two(from.candidate_token, from.candidate_best, from.candidate_second, figures.vocabulary);
  figures.flip_gap = static_cast<double>(from.reference_best) - static_cast<double>(from.reference_at_candidate_token);
  figures.candidate_rank = static_cast<int32_t>(from.candidate_rank);
  figures.followed_token = observation_->followed_token;
  figures.followed = {from.followed.reference, from.followed.candidate};
  return vocabulary_step(observation_->step, figures);
}

}  // namespace kvdiff
