#!/bin/bash
# What the tests ask of a systemd. Runs as root beside one that may be changed; each check leaves NAME.said and NAME.status in
# $PLACE/results, which the tests read. Those that take time run side by side.
#
# Environment: SOAKD, the program; UNITS, the folder of units; PLACE, a folder that is read outside.
set -u
mkdir -p "$PLACE/results"
state=/var/lib/soakd
profiles=/etc/soakd/profiles

# Waits until a command succeeds. The deadline only ends a test that hangs.
await() {
  # Each look would be a dozen lines of trace.
  local -
  set +x
  local end=$((SECONDS + 120))
  until "$@"; do
    ((SECONDS < end)) || { echo "not so after 120 s: $*"; return 1; }
    sleep 0.05
  done
}

check() { # NAME
  (
    set -eux
    "$1"
  ) >"$PLACE/results/$1.said" 2>&1
  echo $? >"$PLACE/results/$1.status"
}

# Succeeds if a command does not; `!` alone would end nothing.
fails() {
  if "$@"; then
    echo "succeeded: $*"
    return 1
  fi
}

journal() { journalctl --no-pager --output=cat --unit="$1"; }
journal_has() { journal "$1" | grep -qE -- "$2"; }
folder_of() { find "$state/runs" -maxdepth 1 -name "*-$1-*" | head -n 1; }
has_verdict() { [ -s "$(folder_of "$1")/verdict.json" ]; }
ended() { ! systemctl is-active --quiet "$1" && [ "$(systemctl show -P ActiveState "$1")" != activating ]; }
result() { systemctl show -P ExecMainStatus "$1"; }

# The unit of the target whose description names this profile.
target_unit() {
  systemctl list-units --no-legend --plain --full 'soakd-target-*' | grep -F "target of \`$1\`" | cut -d' ' -f1 | head -n 1
}
has_target() { [ -n "$(target_unit "$1")" ]; }
# Whether it runs its program, which says so. The unit is there a moment before.
has_said_up() { has_target "$1" && grep -q '^up$' "$(folder_of "$1")/target.log"; }
has_no_target() { ! has_target "$1"; }
pid_of() { systemctl show -P MainPID "$1"; }

profile() { # NAME DURATION COMMAND...
  local name=$1 duration=$2
  shift 2
  {
    printf '[target]\ncommand = ["sh", "-c", "%s"]\nlimits = { memory = "256MiB" }\n' "$*"
    printf '[judge]\nduration = "%s"\ntolerance = "1TiB/h"\n[sample]\ninterval = "100ms"\n' "$duration"
  } >"$profiles/$name.toml"
}

installed() {
  "$UNITS/install" --program "$SOAKD"
  test -x /usr/local/bin/soakd
  grep -q '^ExecStart=/usr/local/bin/soakd ' /usr/local/lib/systemd/system/soakd.service
  grep -q '/usr/local/share/doc/soakd/soakd.toml' /etc/soakd/soakd.toml
  test -e /usr/local/share/doc/soakd/soakd.toml
  getent passwd soakd-target
  test "$(stat -c %U /var/lib/soakd-target)" = soakd-target
}

units_are_valid() {
  local said
  said=$(systemd-analyze verify soakd.service soakd-run@x.service soakd-run@x.timer soakd-failed@x.service soakd.slice \
    soakd-targets.slice 2>&1)
  test -z "$said"
}

exposure_is_low() {
  local unit score
  for unit in soakd.service soakd-run@x.service; do
    score=$(systemd-analyze security --no-pager "$unit" | tail -n 1 | grep -oE '[0-9]+[.][0-9]+')
    awk -v score="$score" 'BEGIN { exit !(score != "" && score <= 2.0) }'
  done
}

timer_runs_to_a_verdict() {
  profile timed 5s "id; cat /proc/self/cgroup; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; env; exec sleep 600"
  mkdir -p /run/systemd/system/soakd-run@timed.timer.d
  printf '[Timer]\nOnCalendar=\nOnActiveSec=1ms\nRandomizedDelaySec=0\n' >/run/systemd/system/soakd-run@timed.timer.d/now.conf
  systemctl daemon-reload
  systemctl start soakd-run@timed.timer
  await has_verdict timed
  await journal_has soakd-run@timed.service 'Finished'
  journal soakd-run@timed.service
  journal_has soakd-run@timed.service '^no_leak: '
  # The same by its fields.
  journalctl --no-pager --output=export SOAKD_PROFILE=timed SOAKD_OUTCOME=pass | tee "$PLACE/entry"
  grep -q '^SOAKD_RUN=.*-timed-' "$PLACE/entry"
  grep -q '^_SYSTEMD_UNIT=soakd-run@timed.service$' "$PLACE/entry"
  journal_has soakd-run@timed.service "$state/runs/.*/verdict.json"
  test "$(systemctl show -P Result soakd-run@timed.service)" = success
  fails journal_has soakd-failed@soakd-run@timed.service.service .
}

# What the run above was: its parent is sandboxed, and it is not.
target_is_in_a_unit_of_its_own() {
  await ended soakd-run@timed.service
  local said
  said=$(folder_of timed)/target.log
  cat "$said"
  grep -q 'uid=[0-9]*(soakd-target)' "$said"
  grep -qE '/soakd-targets.slice/soakd-target-[0-9]+-[0-9]+.service' "$said"
  grep -qE 'NoNewPrivs:\s0$' "$said"
  grep -qE 'Seccomp:\s0$' "$said"
  fails grep -qE '^(NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM|INVOCATION_ID|STATE_DIRECTORY)' "$said"
  fails grep -q '"text": "no cgroup' "$(folder_of timed)/verdict.json"
}

failure_is_told() {
  profile failing 5s 'exit 3'
  fails systemctl start soakd-run@failing.service
  await journal_has soakd-failed@soakd-run@failing.service.service '^soakd-run@failing.service: no verdict, exit code 69$'
  journal soakd-run@failing.service
  test "$(result soakd-run@failing.service)" = 69
}

warning_is_a_success() {
  test "$(systemctl show -P SuccessExitStatus soakd-run@x.service)" = 1
}

killed_parent_ends_the_target() {
  profile orphaned 1h "trap '' TERM; echo up; (setsid sleep 600 &); while :; do sleep 1; done"
  systemctl start --no-block soakd-run@orphaned.service
  await has_said_up orphaned
  local unit cgroup
  unit=$(target_unit orphaned)
  cgroup=$(systemctl show -P ControlGroup "$unit")
  test "$(systemctl show -P User "$unit")" = "$(id -u soakd-target)"
  test "$(systemctl show -P MemoryMax "$unit")" = $((256 << 20))
  test "$(systemctl show -P Slice "$unit")" = soakd-targets.slice
  systemctl kill --signal=KILL soakd-run@orphaned.service
  await has_no_target orphaned
  await test ! -e "/sys/fs/cgroup/systemd$cgroup" -a ! -e "/sys/fs/cgroup$cgroup"
}

killed_keeper_ends_the_run() {
  profile unkept 1h "echo up; (setsid sleep 600 &); while :; do sleep 1; done"
  systemctl start --no-block soakd-run@unkept.service
  await has_said_up unkept
  local keeper
  keeper=$(pid_of "$(target_unit unkept)")
  test "$(cat "/proc/$keeper/comm")" = soakd-keeper
  kill -KILL "$keeper"
  await has_no_target unkept
  await ended soakd-run@unkept.service
  journal soakd-run@unkept.service
  journal_has soakd-run@unkept.service 'keeper'
  test "$(result soakd-run@unkept.service)" != 0
}

stopped_run_is_judged() {
  profile stopped 1h 'echo up; exec sleep 600'
  systemctl start --no-block soakd-run@stopped.service
  await has_said_up stopped
  systemctl stop soakd-run@stopped.service
  has_no_target stopped
  has_verdict stopped
  journal soakd-run@stopped.service
  fails journal_has soakd-run@stopped.service 'State .stop-sigterm. timed out'
}

process_of_another_user_is_read() {
  systemd-run --quiet --unit=other --property=User=nobody sleep 600
  printf '[target]\nattach = { unit = "other.service" }\n[judge]\nduration = "5s"\ntolerance = "1TiB/h"\n' >"$profiles/other.toml"
  printf '[sample]\ninterval = "100ms"\n' >>"$profiles/other.toml"
  local status=0
  systemctl start soakd-run@other.service || status=$?
  journal soakd-run@other.service
  test $status = 0
  # It takes the right to trace it to read its memory map, and to look into its folder of descriptors.
  journal_has soakd-run@other.service '.smaps_rollup. read'
  grep -q '"metric": "fds_count"' "$(folder_of other)/verdict.json"
  systemctl is-active other.service
}

nothing_else_is_written() {
  profile elsewhere 5s 'exec sleep 600'
  printf '[report]\nout = "/etc/soakd/out"\n' >>"$profiles/elsewhere.toml"
  fails systemctl start soakd-run@elsewhere.service
  journal soakd-run@elsewhere.service
  test "$(result soakd-run@elsewhere.service)" = 73
  test ! -e /etc/soakd/out
}

errors_are_plain() {
  local said status
  status=0
  said=$(setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/soakd --state /tmp/nobody run --quiet --for 30s \
    --in-unit nobody -- sleep 600 2>&1) || status=$?
  test $status = 69
  echo "$said"
  grep -q 'cannot start the target in a unit of its own: systemd has not started' <<<"$said"
  grep -q 'hint: only root may have systemd start units' <<<"$said"
  status=0
  said=$(PATH=/nowhere /usr/local/bin/soakd --state /tmp/pathless run --quiet --for 30s --in-unit nobody -- /bin/sleep 600 2>&1) || status=$?
  test $status = 69
  echo "$said"
  grep -q "systemd-run. cannot be started: No such file" <<<"$said"
  status=0
  said=$(/usr/local/bin/soakd --state /tmp/unknown run --quiet --for 30s --in-unit no-such-user -- sleep 600 2>&1) || status=$?
  test $status = 78
  grep -q 'unknown user .no-such-user' <<<"$said"
}

# ---- The daemon ----

config() { # TEXT...
  cat "$UNITS/soakd.toml" - >/etc/soakd/soakd.toml <<<"$*"
}
# The pid of the daemon; fails where there is none.
main_pid() {
  local pid
  pid=$(systemctl show -P MainPID soakd.service)
  [ "$pid" -gt 1 ] && echo "$pid"
}
is_active() { [ "$(systemctl show -P ActiveState soakd.service)" = active ]; }
is_another() { is_active && [ "$(main_pid)" != "$1" ]; }

daemon_becomes_ready() {
  mkdir -p /run/systemd/system/soakd.service.d
  printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=100ms\n' >/run/systemd/system/soakd.service.d/fast.conf
  systemctl daemon-reload
  profile kept 1h "echo up; grep Seccomp: /proc/self/status; exec sleep 600"
  config
  systemctl start soakd.service
  is_active
  test -n "$(systemctl show -P StatusText soakd.service)"
  test "$(stat -c %U:%G:%a "$state")" = root:soakd:750
  journal soakd.service
}

members_of_its_group_may_speak_with_it() {
  test "$(stat -c %U:%G:%a /run/soakd/soakd.sock)" = root:soakd:660
  setpriv --reuid=nobody --regid=nogroup --groups=soakd /usr/local/bin/soakd ctl list
  fails setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/soakd ctl list
}

daemon_reloads() {
  local before
  before=$(main_pid)
  config $'[limits]\nslots = 1\n[[schedule]]\nname = "kept"\nprofile = "kept.toml"\nwhen = "* * * * * *"\n'
  systemctl reload soakd.service
  # The new schedule is in force, and its target outside of the sandbox.
  await has_said_up kept
  await grep -q 'Seccomp:.0' "$(folder_of kept)/target.log"
  test "$(main_pid)" = "$before"
}

wrong_configuration_is_refused_on_reload() {
  local before
  before=$(main_pid)
  config $'[limits]\nslotts = 1\n'
  fails systemctl reload soakd.service
  journal_has soakd.service 'unknown key .slotts'
  # Also from one who does not ask first.
  kill -HUP "$before"
  await journal_has soakd.service 'the new configuration is refused'
  journal soakd.service
  is_active
  test "$(main_pid)" = "$before"
  has_target kept
  config $'[limits]\nslots = 1\n'
}

second_daemon_is_refused() {
  local said status=0
  said=$(/usr/local/bin/soakd --state "$state" daemon 2>&1) || status=$?
  echo "$said"
  test $status = 69
  grep -q "another daemon (process $(main_pid)) works on the state folder" <<<"$said"
}

killed_daemon_goes_on() {
  local before unit run
  before=$(main_pid)
  unit=$(target_unit kept)
  run=$(folder_of kept)
  kill -KILL "$before"
  await is_another "$before"
  await fails systemctl is-active --quiet "$unit"
  # What it was doing is judged on what there is.
  await test -s "$run/verdict.json"
  grep -q '"ended"' "$run/verdict.json"
  journal soakd.service
}

hung_daemon_is_restarted() {
  local before
  # Shorter than the shipped one, for this alone: a busy host may hold up the daemon for longer.
  printf '[Service]\nWatchdogSec=3s\n' >/run/systemd/system/soakd.service.d/watchdog.conf
  systemctl daemon-reload
  systemctl restart soakd.service
  before=$(main_pid)
  kill -STOP "$before"
  await is_another "$before"
  journal_has soakd.service 'Watchdog timeout'
  rm /run/systemd/system/soakd.service.d/watchdog.conf
  systemctl daemon-reload
  systemctl restart soakd.service
}

daemon_stops_in_order() {
  config $'[limits]\nslots = 1\n[[schedule]]\nname = "kept"\nprofile = "kept.toml"\nwhen = "* * * * * *"\n'
  systemctl reload soakd.service
  await has_said_up kept
  systemctl stop soakd.service
  has_no_target kept
  journal soakd.service
  test "$(systemctl show -P Result soakd.service)" = success
  test "$(result soakd.service)" = 0
}

wrong_configuration_is_not_tried_again() {
  config $'[limits]\nslotts = 1\n'
  fails systemctl start soakd.service
  test "$(result soakd.service)" = 78
  test "$(systemctl show -P ActiveState soakd.service)" = failed
  test "$(systemctl show -P NRestarts soakd.service)" = 0
  journal_has soakd.service 'slotts'
}

daemon() {
  local name
  for name in daemon_becomes_ready members_of_its_group_may_speak_with_it daemon_reloads wrong_configuration_is_refused_on_reload second_daemon_is_refused \
    killed_daemon_goes_on hung_daemon_is_restarted daemon_stops_in_order wrong_configuration_is_not_tried_again; do
    check "$name"
  done
}

uninstalled() {
  systemctl enable --quiet soakd-run@night.timer
  "$UNITS/install" --uninstall
  test -z "$(find /usr/local /etc/systemd -name '*soakd*')"
  test -e "$state/soakd.sqlite"
}

check installed
# Nothing else can be so.
[ "$(cat "$PLACE/results/installed.status")" = 0 ] || exit 1
daemon &
for name in units_are_valid exposure_is_low timer_runs_to_a_verdict failure_is_told warning_is_a_success \
  killed_parent_ends_the_target killed_keeper_ends_the_run stopped_run_is_judged process_of_another_user_is_read \
  nothing_else_is_written errors_are_plain; do
  check "$name" &
done
wait
check target_is_in_a_unit_of_its_own
check uninstalled
