#!/usr/bin/env bash
# lint.sh BUILD_FOLDER [--all]: scripts, each header alone, and clang-tidy on what changed since main, or on everything.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
status=0

scripts() { git ls-files -co --exclude-standard x '*.sh' .ci/run | xargs shellcheck -x; }

# Each header is the only one of its translation unit, so it must include what it uses.
# (A header without `#pragma once` is a body that its includer sets the stage for.)
# shellcheck disable=SC2317  # called through xargs
header_alone() {
  local packages
  read -ra packages < <(pkg-config --cflags libpcre2-8 libxxhash)
  echo "#include \"$2\"" | g++ -std=c++20 -fsyntax-only -I. -isystem "$1/include" \
    -isystem "$1/include/torch/csrc/api/include" -isystem "${CUDA_PATH:-/usr/local/cuda}/include" "${packages[@]}" -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 \
    -mfma -mf16c -x c++ - || { echo "$2 does not compile alone"; return 1; }
}
export -f header_alone

headers() {
  local torch without=()
  [[ -e ${CUDA_PATH:-/usr/local/cuda}/include/cuda_runtime_api.h ]] || without=(':!cache_backends/device/cuda_*.h')
  torch=$(sed -n 's/^KVDIFF_TORCH_DIR:PATH=//p' "$build/CMakeCache.txt")
  git grep -l --untracked '^#pragma once' -- '*.h' "${without[@]}" | xargs -P "$(nproc)" -I {} bash -c 'header_alone "$@"' - "$torch" {}
}

changed_sources() {
  local base
  if [[ ${1:-} != --all ]] && base=$(git merge-base HEAD main 2>/dev/null); then
    git diff --name-only --diff-filter=d "$base" -- '*.cpp'
    git ls-files -o --exclude-standard '*.cpp'
  else
    git ls-files -co --exclude-standard '*.cpp'
  fi | grep -vE '^tests/(fuzz|bench)/' || true
}

tidy() {
  local sources
  mapfile -t sources < <(changed_sources "$@")
  echo "${#sources[@]} files"
  [[ ${#sources[@]} == 0 ]] || run-clang-tidy-16 -quiet -p "$build" "${sources[@]/#/$PWD/}" 2>&1 |
    { grep -vE '^clang-tidy-16|warnings generated|^$' || true; }
}

echo "== shell scripts"
scripts || status=1
echo "== each header compiles alone"
headers || status=1
echo "== clang-tidy"
tidy "${@:2}" || status=1
exit "$status"
