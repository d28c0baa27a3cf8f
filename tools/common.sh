# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the programs beside it: where the repository is, what they say, which packages and builds they need.

EDL_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
EDL_INSTALL_PACKAGES=yes  # "no" after --no-install

# git only lists files here: whoever owns the checkout, that is safe.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$EDL_ROOT"

say() { printf '\n==> %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { complain "$@"; exit 1; }

# What stands in the calling program's opening comment, after its SPDX line.
print_help() { awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"; }

# minutes:seconds
as_time() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# Compilers at a time: one a core, but no more than the memory holds (a file that includes libtorch takes 2 GB).
build_jobs() {
  local cores memory_gb
  cores="$(nproc)"
  memory_gb="$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)"
  local jobs=$((memory_gb / 2 < cores ? memory_gb / 2 : cores))
  echo "${EDL_JOBS:-$((jobs < 1 ? 1 : jobs))}"
}

# packages_in GROUP…: the names in those groups of third_party/debian-packages.txt.
packages_in() {
  awk -v wanted=" $* " '
    /^# \[/ { group = $2; gsub(/[][]/, "", group); next }
    /^#/ || NF == 0 { next }
    index(wanted, " " group " ") { print $1 }' "$EDL_ROOT/third_party/debian-packages.txt"
}

# need_packages GROUP…: installs what is missing of those groups, and asks nothing.
need_packages() {
  local wanted missing=() package
  mapfile -t wanted < <(packages_in "$@")
  if ! command -v dpkg-query >/dev/null; then
    [[ $EDL_INSTALL_PACKAGES == no ]] && return
    complain "this is no Debian, so it is for you to install what these Debian packages hold:"
    printf '  %s\n' "${wanted[@]}" >&2
    die "then run it again with --no-install"
  fi
  for package in "${wanted[@]}"; do
    [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return
  if [[ $EDL_INSTALL_PACKAGES == no ]]; then
    complain "not installed, and --no-install was given: ${missing[*]}"
    return
  fi
  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
      complain "${#missing[@]} Debian packages are missing, and there is neither root nor sudo without a password. Run"
      die "  sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local started=$SECONDS
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C
             apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update </dev/null
  # The database's and each package's own chatter tells nobody anything, unless it fails.
  local log
  log="$(mktemp)"
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get could not install them; all it said is in $log"
  fi
  rm -f "$log"
  echo "installed in $(as_time $((SECONDS - started)))"
}

# source_files PATTERN…: what git tracks of them and is still there; fails when that is nothing.
source_files() {
  local file found=no
  while read -r file; do
    [[ -f $EDL_ROOT/$file ]] || continue
    printf '%s\n' "$file"
    found=yes
  done < <(cd "$EDL_ROOT" && git ls-files "$@")
  [[ $found == yes ]] || { complain "git lists no files like $*"; return 1; }
}

# configure PRESET [CMake arguments]
configure() {
  say "Configuring ($1)"
  (cd "$EDL_ROOT" && cmake --preset "$@" </dev/null)
}

# build PRESET [TARGET…]: all of it when no target is named.
build() {
  say "Building ($1)"
  cmake --build "$EDL_ROOT/build/$1" --parallel "$(build_jobs)" ${2:+--target "${@:2}"} </dev/null
}
