# Sourced by the scripts of tools/: where the repository is, how they speak, and which clang they use.
# shellcheck shell=bash disable=SC2034

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit "${exit_code:-1}"; }
usage_fault() { exit_code=64 fail "$1; see $0 --help"; }

# Prints the comment at the head of the script, which is its help.
show_help() { sed -n '2,/^[^#]/{/^#/!q;s/^# \{0,1\}//p}' "$0"; }

# The clang we build sanitizers and fuzzers with: 19 where it is installed, else the newest that is at least 18.
clang_version() {
  local version
  for version in 19 22 21 20 18; do
    if command -v "clang++-$version" > /dev/null; then echo "$version"; return; fi
  done
  fail "no clang 18 or newer is installed; run tools/setup test"
}
