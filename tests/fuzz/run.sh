#!/usr/bin/env bash
# run.sh BUILD_FOLDER SECONDS [TARGET]: every fuzz target for so long, one line each. What crashes is kept in BUILD_FOLDER.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$1 seconds=$2 wanted=${3:-}

# The statistics of libFuzzer's last lines: `stat::number_of_executed_units: 123`.
statistic() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }

run_target() {
  local target=$1 log=$build/$1.log found=$build/$1.corpus crashes=$build/$1.crash- status=0
  mkdir -p "$found" "$here/corpus/$target"
  rm -f "$crashes"*
  "$build/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$crashes" "$found" "$here/corpus/$target" >"$log" 2>&1 || status=$?
  printf '%-20s %10s runs, %5s new units, %s\n' "$target" "$(statistic "$log" number_of_executed_units)" \
    "$(statistic "$log" new_units_added)" "$([[ $status == 0 ]] && echo clean || echo "CRASHED: $(echo "$crashes"*)")"
  [[ $status == 0 ]] || grep -m 8 -E 'ERROR|SUMMARY|runtime error|^ +#[0-9]' "$log"
  return "$status"
}

targets=0 failed=0
for source in "$here"/*.cpp; do
  target=$(basename "$source" .cpp)
  [[ -z $wanted || $wanted == "$target" ]] || continue
  targets=$((targets + 1))
  run_target "$target" || failed=$((failed + 1))
done
((targets > 0)) || { echo "no fuzz target is named '$wanted'; there are: $(cd "$here" && ls ./*.cpp)" >&2; exit 2; }
echo "$((targets - failed)) targets clean, $failed crashed"
exit "$((failed > 0))"
