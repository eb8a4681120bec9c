#!/usr/bin/env bash
# Soaks by what the action was given, and tells exit code and folder to the steps after it.
set -euo pipefail

if ! command -v "$SOAKD" >/dev/null; then
  root=$(cd "$(dirname "$0")/../../.." && pwd)
  cargo build --release --locked --manifest-path "$root/Cargo.toml" -p soakd
  SOAKD="$root/target/release/soakd"
fi

folder="${RUNNER_TEMP:-/tmp}/soakd-$$"
words=("$MODE")
[ -z "$PROFILE" ] || words+=("$PROFILE")
[ -z "$LENGTH" ] || words+=(--for "$LENGTH")
words+=(--out "$folder" --report "html,junit,markdown,svg,csv")
# What the workflow writes is split into words as a shell would, without running anything in it.
if [ -n "$ARGUMENTS" ]; then
  mapfile -t more < <(xargs -n1 printf '%s\n' <<<"$ARGUMENTS")
  words+=("${more[@]}")
fi
if [ -n "$COMMAND" ]; then
  mapfile -t target < <(xargs -n1 printf '%s\n' <<<"$COMMAND")
  words+=(-- "${target[@]}")
fi

code=0
"$SOAKD" "${words[@]}" || code=$?
{
  echo "exit-code=$code"
  if [ -e "$folder/verdict.json" ]; then echo "folder=$folder"; fi
} >>"$GITHUB_OUTPUT"
