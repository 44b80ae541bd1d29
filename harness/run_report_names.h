#pragma once
#include <array>
#include <string_view>

#include "harness/run_report.h"

// Enumerations of a report and all their values, so that text can be read back through name_of.
namespace kvdiff {

template <class E> struct EnumValues;
template <> struct EnumValues<LaneRole> {
  static constexpr std::array all = {LaneRole::reference, LaneRole::control, LaneRole::candidate};
};
template <> struct EnumValues<LaneStatus> {
  static constexpr std::array all = {LaneStatus::measured, LaneStatus::passed,  LaneStatus::failed, LaneStatus::inconclusive,
                                     LaneStatus::skipped,  LaneStatus::invalid, LaneStatus::error};
};
template <> struct EnumValues<Mode> {
  static constexpr std::array all = {Mode::local, Mode::forced, Mode::free};
};
template <> struct EnumValues<Side> {
  static constexpr std::array all = {Side::key, Side::value};
};
template <> struct EnumValues<NearTie> {
  static constexpr std::array all = {NearTie::no, NearTie::yes, NearTie::unknown};
};
template <> struct EnumValues<Stage> {
  static constexpr std::array all = {Stage::key,          Stage::value,           Stage::key_read,
                                     Stage::value_read,   Stage::attention_logits, Stage::attention_probs,
                                     Stage::attention_output, Stage::hidden,      Stage::logits};
  static_assert(all.size() == stage_count);
};

}  // namespace kvdiff
