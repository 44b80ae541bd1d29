#include "harness/metrics/device_rows.h"

#include <cstring>
#include <fmt/format.h>

#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"
#include "harness/metrics/portable_math.h"
#include "harness/metrics/softmax.h"
#include "harness/metrics/vocabulary.h"

namespace kvdiff {
namespace {

template <class Figures>
constexpr int64_t words = static_cast<int64_t>(sizeof(Figures) / sizeof(uint64_t));

// Where the kinds of figures begin.
struct Layout {
  int64_t softmax, vocabulary, end;
  explicit Layout(int64_t rows)
      : softmax(rows * words<device::PairFigures>), vocabulary(softmax + rows * words<device::SoftmaxFigures>),
        end(vocabulary + words<device::VocabularyFigures>) {}
};

template <class Figures>
device::Span<Figures> part(const device::Array<uint64_t>& all, int64_t first, int64_t count) {
  return {reinterpret_cast<Figures*>(all.data() + first), count};
}

SoftmaxComparison compared(const device::SoftmaxFigures& figures) {
  return comparison_of(figures.reference_sum, figures.candidate_max, {figures.candidate_sum, figures.weighted_difference});
}

TopTwo top_two(int64_t token, float best, float second, int64_t vocabulary) {
  return {static_cast<int32_t>(token), vocabulary == 1 ? 0 : margin(best, second)};
}

}  // namespace

void DeviceRows::take(const Observation& observation) {
  observation_ = &observation;
  const bool vocabulary = observation.stage == Stage::logits, softmax = vocabulary || observation.stage == Stage::attention_logits;
  start(observation.rows, softmax, vocabulary);
  read(observation.rows, softmax, vocabulary);
}

bool DeviceRows::followed_is_known() const {
  return observation_->followed_token >= 0 && observation_->followed_token < observation_->columns;
}

void DeviceRows::start(int64_t rows, bool softmax, bool vocabulary) {
  device::Device& device = *observation_->device;
  const Layout at(rows);
  figures_.resize(device, at.end);
  const auto reference = device::span(observation_->reference), candidate = device::span(observation_->candidate);
  const int64_t columns = observation_->columns;
  device::launch<device::ComparePairs>(device, {reference, candidate, part<device::PairFigures>(figures_, 0, rows), columns});
  if (softmax)
    device::launch<device::CompareSoftmax>(
        device, {reference, candidate, part<device::SoftmaxFigures>(figures_, at.softmax, rows), columns});
  if (vocabulary)
    device::launch<device::CompareVocabularies>(
        device, {reference, candidate, part<device::VocabularyFigures>(figures_, at.vocabulary, 1),
                 followed_is_known() ? observation_->followed_token : -1});
}

void DeviceRows::read(int64_t rows, bool softmax, bool vocabulary) {
  const Layout at(rows);
  const int64_t count = vocabulary ? at.end : softmax ? at.vocabulary : at.softmax;
  const std::vector<uint64_t> words = figures_.read(0, count);
  pairs_.resize(static_cast<size_t>(rows));
  std::memcpy(pairs_.data(), words.data(), pairs_.size() * sizeof(device::PairFigures));
  if (softmax) {
    softmax_.resize(static_cast<size_t>(rows));
    std::memcpy(softmax_.data(), words.data() + at.softmax, softmax_.size() * sizeof(device::SoftmaxFigures));
  }
  if (vocabulary) std::memcpy(&vocabulary_, words.data() + at.vocabulary, sizeof vocabulary_);
}

RowResult DeviceRows::measure(int row) {
  const device::PairFigures& from = pairs_[static_cast<size_t>(row)];
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

int64_t DeviceRows::index_of_max_abs(int row, double) { return pairs_[static_cast<size_t>(row)].max_abs_index; }

RowSource::Values DeviceRows::at(int row, int64_t index) {
  const device::PairFigures& from = pairs_[static_cast<size_t>(row)];
  const auto values = [](const device::ValuePair& pair) { return Values{pair.reference, pair.candidate}; };
  if (index == 0) return values(from.first);
  if (index == from.first_not_finite) return values(from.at_first_not_finite);
  if (index == from.first_not_finite_reference) return values(from.at_first_not_finite_reference);
  throw InternalError(fmt::format("value {} of a row on the device was not brought over", index));
}

double DeviceRows::attention_kl(int row) { return compared(softmax_[static_cast<size_t>(row)]).kl; }

VocabularyStep DeviceRows::vocabulary() {
  const device::VocabularyFigures& from = vocabulary_;
  const device::SoftmaxFigures& softmax = softmax_[0];
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
