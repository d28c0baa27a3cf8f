# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by test and check: the stages, and what runs them to the last and sums them up.
# A stage is a function stage_NAME; it gives non-zero when it fails. Since it runs in a condition, where `set -e` is
# off, it strings its commands together by &&. One that runs tests leaves their counts in passed, failed and skipped,
# and the names of those that failed in failures; any other counts as one check.

FUZZ_SECONDS=60  # that each fuzz target gets; tools/check --fuzz sets it
FUZZ_SEED=${EDL_FUZZ_SEED:-0}  # of the inputs that they make up; 0: another at each run

stage_format() {
  local files
  files="$(source_files '*.h' '*.cc')" &&
    (cd "$EDL_ROOT" && xargs -d '\n' clang-format --dry-run -Werror <<<"$files") && "$EDL_ROOT/tools/check-style"
}

stage_layers() { "$EDL_ROOT/tools/check-layers"; }

stage_shell() {
  local files
  files="$(source_files 'tools/*' '.ci/*' tests/readme/check-shell 'tests/tools/*')" &&
    (cd "$EDL_ROOT" && xargs -d '\n' shellcheck -x <<<"$files")
}

stage_lint() { configure lint && build lint; }

# Files that include libtorch take clang-tidy a minute each and are little more than calls of it: left out.
stage_tidy() {
  local files
  configure lint && build lint edl_proto &&
    files="$(cd "$EDL_ROOT" && git grep -L -E '#include [<"](torch/|edl/torch/)' -- 'src/*.cc')" &&
    printf 'clang-tidy over %d files\n' "$(wc -l <<<"$files")" &&
    (cd "$EDL_ROOT" && xargs -d '\n' -n 1 -P "$(build_jobs)" clang-tidy -p build/lint --quiet <<<"$files" \
      2> >(grep -v ' warnings generated' >&2))
}

# Each target for FUZZ_SECONDS, as many at a time as there are cores. What it finds out about the code stays in
# build/fuzz/corpus, for the next run to begin with; what breaks it goes to build/fuzz/found.
stage_fuzz() {
  local sources=("$EDL_ROOT"/tests/fuzz/*_fuzz.cc) broken="$EDL_ROOT/build/fuzz/broken" source noun
  configure fuzz && build fuzz || return 1
  say "Fuzzing, $FUZZ_SECONDS s each"
  : >"$broken"
  for source in "${sources[@]}"; do
    while (($(jobs -pr | wc -l) >= $(build_jobs))); do wait -n || true; done
    noun="$(basename "$source" _fuzz.cc)"
    { fuzz "$noun" || printf '%s\n' "$noun" >>"$broken"; } &
  done
  wait
  mapfile -t failures <"$broken"
  failed=${#failures[@]}
  passed=$((${#sources[@]} - failed))
  [[ $failed == 0 ]]
}

# fuzz NOUN: says in one line how it went, and when it went wrong what to do about it.
fuzz() {
  local noun=$1 build="$EDL_ROOT/build/fuzz" status=0 how found
  local target="$build/tests/fuzz/${noun}_fuzz" corpus="$build/corpus/$noun" log="$build/$noun.log"
  local seeds="$EDL_ROOT/tests/fuzz/corpus/$noun"
  mkdir -p "$corpus" "$build/found"
  # The protocol bounds nothing below 2 GiB; in 4 KiB there is room for every way of going wrong.
  "$target" -max_total_time="$FUZZ_SECONDS" -seed="$FUZZ_SEED" -max_len=4096 -timeout=10 \
    -artifact_prefix="$build/found/$noun-" "$corpus" "$seeds" </dev/null >"$log" 2>&1 || status=$?
  if [[ $status == 0 ]]; then
    how="$(sed -n 's/^#\([0-9]*\).*DONE *cov: \([0-9]*\).* corp: \([0-9]*\).*/\1 runs, \2 edges, \3 inputs/p' "$log")"
    printf '%-16s %s\n' "$noun" "$how"
    return
  fi
  how="$(grep -m 1 -E '^broken promise|ERROR: |runtime error' "$log")" || how="it ended with status $status"
  printf '%-16s FAILED: %s\n  log:    %s\n' "$noun" "$how" "$log"
  found="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
  [[ -z $found ]] || printf '  %-7s %s\n' input: "$found" again: "$target $found" keep: "cp $found $seeds/found-SYMPTOM"
  return 1
}

stage_soak() { "$EDL_ROOT/tools/soak" --no-install --minutes 3; }

# The programs of the unit tests, each in valgrind: no invalid access, no use of what was never set, nothing lost.
stage_valgrind() {
  local build="$EDL_ROOT/build/dev" broken="$EDL_ROOT/build/dev/valgrind/broken" program name programs
  configure dev && build dev || return 1
  mapfile -t programs <"$build/tests/valgrind_tests.txt"
  say "Running ${#programs[@]} programs in valgrind"
  mkdir -p "$build/valgrind"
  : >"$broken"
  for program in "${programs[@]}"; do
    while (($(jobs -pr | wc -l) >= $(build_jobs))); do wait -n || true; done
    name="$(basename "$program")"
    { in_valgrind "$program" "$build/valgrind/$name.log" || printf '%s\n' "$name" >>"$broken"; } &
  done
  wait
  mapfile -t failures <"$broken"
  failed=${#failures[@]}
  passed=$((${#programs[@]} - failed))
  [[ $failed == 0 && $passed != 0 ]]
}

# in_valgrind PROGRAM LOG: says in one line how it went.
in_valgrind() {
  local status=0 started=$SECONDS
  valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --fair-sched=yes \
    --suppressions="$EDL_ROOT/tests/valgrind.supp" "$1" --gtest_brief=1 </dev/null >"$2" 2>&1 || status=$?
  if [[ $status == 0 ]]; then
    printf '%-40s %s\n' "$(basename "$1")" "$(as_time $((SECONDS - started)))"
    return
  fi
  printf '%-40s FAILED: %s\n  log: %s\n' "$(basename "$1")" \
    "$([[ $status == 99 ]] && echo "valgrind found something" || echo "it ended with status $status")" "$2"
  return 1
}

stage_dev() { run_tests dev; }
stage_asan() { run_tests asan; }
stage_tsan() { run_tests tsan; }

# run_tests PRESET: configure, build, ctest. CTEST_ARGUMENTS go to ctest.
run_tests() {
  local report="$EDL_ROOT/build/$1/test-report.xml" status=0
  configure "$1" && build "$1" || return 1
  say "Testing ($1)"
  rm -f "$report"
  (cd "$EDL_ROOT" && ctest --preset "$1" --parallel "$(build_jobs)" --output-junit "$report" "${CTEST_ARGUMENTS[@]}" \
    </dev/null) || status=$?
  [[ -s $report ]] || return 1
  # One element or attribute a line is how ctest writes it.
  report_attribute() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p;/<testcase/q" "$report" | head -n 1; }
  local tests
  tests="$(report_attribute tests)" && failed="$(report_attribute failures)" && skipped="$(report_attribute skipped)"
  passed=$((tests - failed - skipped - $(report_attribute disabled)))
  mapfile -t failures < <(sed -n 's/.*<testcase name="\([^"]*\)".*status="fail".*/\1/p' "$report")
  return "$status"
}

# run_stages NAME…: all of them, whatever fails; then a line for each, and as the last line "N passed, N failed".
run_stages() {
  local stage all_passed=0 all_failed=0 summary=() started_all=$SECONDS
  for stage in "$@"; do
    declare -F "stage_$stage" >/dev/null ||
      die "there is no stage '$stage'; there are $(declare -F | sed -n 's/.*stage_//p' | xargs)"
  done
  for stage in "$@"; do
    say "Stage $stage"
    local passed='' failed='' skipped=0 failures=() result=passed counts='' started=$SECONDS
    "stage_$stage" || result=FAILED
    if [[ -z $passed ]]; then
      [[ $result == passed ]] && passed=1 failed=0 || passed=0 failed=1
    else
      counts="$passed of $((passed + failed)) tests"
      [[ $skipped == 0 ]] || counts+=", $skipped skipped"
      # All tests passed, and yet ctest failed (no tests, for one).
      [[ $result == passed || $failed != 0 ]] || failed=1
    fi
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
    summary+=("$(printf '%-8s %-7s %6s  %s' "$stage" "$result" "$(as_time $((SECONDS - started)))" "$counts")")
    [[ ${#failures[@]} == 0 ]] || summary+=("${failures[@]/#/           failed: }")
  done
  say "Summary ($(as_time $((SECONDS - started_all))))"
  printf '%s\n' "${summary[@]}" '' "$all_passed passed, $all_failed failed"
  [[ $all_failed == 0 ]]
}
