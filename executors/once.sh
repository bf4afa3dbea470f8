# Belay's host protocol: an action takes effect at most once for its key, whatever dies.
#
# Nothing is installed on the host. This text is fed to one /bin/sh over a kept SSH channel; each call is
# then one compound command on the same stdin ("{ nonce=…; …; once_run; }"), so that a call that was cut off
# is a syntax error and starts nothing. It needs a POSIX shell (dash, bash, BusyBox), Linux /proc, setsid,
# sleep, cat, tail, grep and sync.
#
# What is kept for one key, in $base/$home_of_run/$key/:
#   script.MARK   what the action runs, if it is a script; one file a call, so that two racing calls never share one
#   claim         who owns the key; created exclusively (O_EXCL) as the very last thing before the action
#   out           stdout and stderr of the action, whole
#   stop          "killed" or "timeout": why somebody set out to end it
#   exit.RC.WHY.CENTISECONDS   the ending. The name is the content, so it appears whole or not at all, needs
#                 no free block on a full disk, and no process to write it
#
# For the run, beside them: boot.BOOT, see below, and run.TOKEN: which run of this number it is. A database that lost its
# end gives a number out again, and what another run has done under it must not pass for this one's.
#
# A call to run counts until $latest, in centiseconds since this host's boot; the line before it says so. A call may have
# been held back on its way, by the network or by a bot that froze; meanwhile others have given the run up, and people
# have decided what is to come instead. So the clock is read as the last thing before the claim.
#
# The claim is one exclusive creation, made by the process that is about to become the action. Whoever
# creates it first owns the key for ever: another caller, or a cancel. So "cancelled" in it is a proof that
# nothing ran and nothing will, even if a delayed start is still on its way.
#
# Durability: before a run's first action the run's directory, with a marker named after the boot, is synced.
# A claim that was lost to a power cut then shows as "no claim, but a marker of another boot": `lost`, never
# `cancelled`. This saves a sync for every action.

umask_of_user=$(umask)
umask 077
read -r boot </proc/sys/kernel/random/boot_id || boot=-
setsid=$(command -v setsid) || setsid=''
whole='' latest=''

once_hello() {
  once_now
  printf '\001%s hello %s %s %s\n' "$nonce" "$boot" "${setsid:-nosetsid}" "$now"
}

# A redirection that fails on a special builtin (":", "exec") ends a POSIX shell; "true" is an ordinary one.
once_begin() {
  printf '\001%s begin\n' "$nonce"
  home=$base/$run
  dir=$home/$key
  state='' rc=0 why=- spent=0 at=0 then=- blank=0
}

once_say() { printf '\001%s %s %s %s %s %s %s %s\n' "$nonce" "$state" "$rc" "${why:--}" "$spent" "$at" "$boot" "${then:--}"; }

# now: centiseconds since the boot. Leading zeros would be read as octal, hence the 1.
once_now() {
  read -r up idle </proc/uptime
  now=$((${up%.*} * 100 + 1${up#*.} - 100))
}

# span: centiseconds as sleep takes them; whole seconds, rounded up, where it knows no others.
once_span() {
  if [ "$whole" ]; then span=$((($1 + 99) / 100)); else span=$(($1 / 100)).$(($1 % 100 / 10))$(($1 % 10)); fi
}

# Both sleeps hold neither the channel nor the wake pipe open.
once_nap() {
  once_span "$1"
  sleep $span >/dev/null 2>&1 || { whole=y && sleep 1 >/dev/null 2>&1; }
}

# The same, for a shell that a signal may call away; its trap ends the sleep, which is "$!".
once_doze() {
  once_span "$1"
  sleep $span >/dev/null 2>&1 &
  wait $!
  [ $? -ne 1 ] || whole=y
}

# born and session of process $1; fails if there is none or it is a zombie. A process name may hold newlines.
once_stat() {
  stat=''
  { while read -r line; do stat="$stat $line"; done <"/proc/$1/stat"; } 2>/dev/null
  stat=${stat##*) }
  [ "$stat" ] || return 1
  set -- $stat
  case $1 in Z | X | x) return 1 ;; esac
  session=$4 born=${20}
}

once_alive() { once_stat "$1" && [ "$born" = "$2" ]; }

# me, born: this very (sub)shell; $$ would name its parent. A shell reads byte by byte, so it is read once.
once_self() {
  read -r me stat </proc/self/stat
  set -- ${stat##*) }
  born=${20}
}

# Reads the claim into owner…; fails while it is absent or its content is not there yet.
once_owner() {
  owner='' owner_born='' cmd='' cmd_born='' then=- mark_of='' began=0
  { read -r owner owner_born cmd cmd_born then mark_of began <"$dir/claim"; } 2>/dev/null
}

# once_take WORDS…: take the key for ever, or fail because it is taken. 2: the disk did not take it.
once_take() {
  set -C
  { true >"$dir/claim"; } 2>/dev/null
  taken=$?
  set +C
  [ $taken -eq 0 ] || { [ -e "$dir/claim" ] && return 1 || return 2; }
  { echo "$@" >"$dir/claim"; } 2>/dev/null && return 0
  rm -f "$dir/claim"
  return 2
}

once_published() {
  set -- "$dir"/exit.*
  [ -e "$1" ] || return 1
  set -- "${1##*/exit.}"
  rc=${1%%.*} why=${1#*.} spent=${1##*.}
  why=${why%.*} state=exit
}

once_publish() { # RC WHY; the first ending stands
  once_published && return
  once_now
  true >"$dir/exit.$1.$2.$((now - began))"
}

# state: running, or how it ended as far as the host can tell.
once_state() {
  once_owner || {
    [ -e "$dir/claim" ] || { state=absent && return; }
    # Created and not yet written: a matter of microseconds, unless its writer died right there.
    blank=$((blank + 1))
    if [ "$blank" -lt 40 ]; then state=running; else state=lost why=blank-claim; fi
    return
  }
  case $owner in cancelled | lost) state=$owner why=$owner_born && return ;; esac
  once_published && return
  if [ "$then" != "$boot" ]; then
    state=lost why=rebooted
  elif once_alive "$owner" "$owner_born"; then
    state=running
  elif once_published; then
    : # it was published between the two looks
  elif once_alive "$cmd" "$cmd_born"; then
    state=orphan why=supervisor-died
  else
    state=lost why=supervisor-died
  fi
}

# Fails if what is kept under this run's number is another run's. Folders without a token are older than tokens.
once_ours() {
  [ -z "$token" ] || [ -e "$home/run.$token" ] && return
  set -- "$home"/run.*
  [ -e "$1" ] || return 0
  state=stranger
  once_say
  return 1
}

# Everything up to here is on disk before anything of this run happens on this host.
once_prepare() {
  [ -d "$dir" ] || mkdir -p "$dir" || return 1
  [ -z "$token" ] || [ -e "$home/run.$token" ] || true >"$home/run.$token" || return 1
  [ -e "$home/boot.$boot" ] || {
    true >"$home/boot.$boot" && { sync "$home/boot.$boot" "$home" "$base" 2>/dev/null || sync; }
  } || return 1
}

once_prepare_start() {
  once_prepare && { [ -z "$script" ] || printf '%s\n' "$script" >"$dir/script.$mark"; } && true >>"$dir/out"
}

once_not_ready() {
  why=$(once_prepare_start 2>&1 | tr ' ' '_' | tr -cd '!-~')
  [ -z "$script" ] || rm -f "$dir/script.$mark"
  state=notready
  once_say
}

# All live processes of the action: itself, its session, and what left the session but kept its environment.
once_list() {
  found=''
  mine=y
  if once_stat "$cmd"; then
    # The same number with another birth is a stranger, and so is the session it leads.
    if [ "$born" = "$cmd_born" ]; then found=$cmd; else mine=''; fi
  fi
  for path in /proc/[0-9]*; do
    [ "$mine" ] && once_stat "${path#/proc/}" && [ "$session" = "$cmd" ] && found="$found ${path#/proc/}"
  done
  # -z: an environment is NUL after NUL, and BusyBox would read no further than the first
  for path in $(grep -l -z -F -e "BELAY_MARK=$mark_of" /proc/[0-9]*/environ 2>/dev/null); do
    path=${path%/environ}
    once_stat "${path#/proc/}" && found="$found ${path#/proc/}"
  done
}

# End the action with all its processes: TERM to those that are there, KILL to all after the grace. What a TERM
# handler starts to clean up with is left its time. Succeeds when two looks in a row find none (one look can
# miss a child forked behind its back).
once_sweep() {
  told='' clear=0
  once_now
  hard=$((now + grace))
  while once_list; [ "$found" ] || clear=$((clear + 1)); [ "$clear" -lt 2 ]; do
    [ "$found" ] || continue
    clear=0
    once_now
    [ "$now" -lt $((hard + 1000)) ] || return 1
    if [ "$now" -ge "$hard" ]; then
      kill -KILL $found
    elif [ -z "$told" ]; then
      kill -TERM $found
      told=y
    fi
    once_nap 3
  done
}

once_ask_stop() { # WHY; the first reason stands
  set -C
  { echo "$1" >"$dir/stop"; } 2>/dev/null
  set +C
}

# Runs beside the action, outlives channel and supervisor: wakes the streamer, and ends the action in time.
once_timer() {
  trap 'kill $! 2>/dev/null; exit' TERM
  trap '' PIPE
  once_now
  end=$((now + limit)) nap=10 heard=y
  while once_now; left=$((end - now)); [ "$left" -gt 0 ]; do
    [ "$heard" ] && [ "$left" -gt "$nap" ] && left=$nap
    once_doze "$left"
    [ "$heard" ] && { echo t 2>/dev/null || heard=''; }
    [ "$nap" -lt 100 ] && nap=$((nap + 2))
  done
  trap '' TERM
  once_owner && [ "$owner.$owner_born" = "$sup.$sup_born" ] && once_alive "$cmd" "$cmd_born" || exit
  once_ask_stop timeout
  once_sweep
  once_alive "$sup" "$sup_born" || once_publish 137 timeout
}

# Also sets now, which is the beginning that the claim tells.
once_late() { once_now && [ "$now" -gt "${latest:-$now}" ] && state=late; }

# Becomes the action: the claim is the last thing before it.
once_become() {
  once_self
  ! once_late || exit
  once_take "$sup $sup_born $me $born $boot $mark $now" || exit
  once_exec
}

once_exec() {
  umask "$umask_of_user"
  export "BELAY_MARK=$mark"
  eval "set -- $words"
  set -- "$setsid" "$@"
  eval "$vars"
  exec "$@"
}

# stdout is the wake pipe. The action runs in the foreground: a background one would ignore SIGINT and SIGQUIT.
once_supervise() {
  once_self
  sup=$me sup_born=$born
  once_timer </dev/null &
  timer=$!
  (once_become) </dev/null >>"$dir/out" 2>&1
  rc=$?
  once_owner
  if [ "$owner.$owner_born" = "$sup.$sup_born" ]; then
    why=exit
    if [ -e "$dir/stop" ]; then
      why=killed
      read -r why <"$dir/stop"
      [ "$why" = timeout ] && wait $timer
      while ! once_sweep; do :; done
    fi
    kill $timer 2>/dev/null
    once_publish "$rc" "$why"
  else
    kill $timer 2>/dev/null
    [ -z "$script" ] || rm -f "$dir/script.$mark"
  fi
  echo ended
  wait
}

once_open() {
  [ -e "$dir/out" ] || return 0
  exec 5<"$dir/out"
  opened=y
  [ "$from" -eq 0 ] || tail -c "+$((from + 1))" <&5
}

# What came since the last time; the position is the descriptor's own.
once_dump() { [ -z "$opened" ] || [ ! -s "$dir/out" ] || cat <&5; }

once_follow() {
  pause=3
  while once_state; [ "$state" = running ]; do
    once_dump
    once_nap $pause
    [ $pause -ge 30 ] || pause=$((pause + 3))
  done
  once_dump
  [ -z "$opened" ] || read -r label at </proc/self/fdinfo/5
  [ "$state" = absent ] || once_say
}

# stdin is the wake pipe. It ends without "ended" only if the supervisor was killed; what it had forked may
# still be on its way to the claim, which is then taken away from it.
once_stream() {
  once_open
  word=''
  while read -r word; do
    [ "$word" = t ] || break
    once_dump
    once_state
    [ "$state" = running ] || [ "$state" = absent ] || break
  done
  [ "$word" = ended ] || [ -e "$dir/claim" ] || once_cancel || return
  once_follow
  [ "$state" = absent ] || return
  if once_late; then once_say; else once_not_ready; fi
}

once_run() {
  once_begin
  opened=''
  once_ours || return
  if [ -e "$dir/claim" ]; then
    (once_open; once_follow)
  elif once_prepare_start 2>/dev/null; then
    once_supervise 9>&- | once_stream
  else
    once_not_ready
  fi
}

# Take the key away from every later start. A claim that a power cut may have swallowed is not cancelled.
once_cancel() {
  once_prepare 2>/dev/null || { once_not_ready && return 1; }
  word=cancelled
  for path in "$home"/boot.*; do [ "$path" = "$home/boot.$boot" ] || word='lost rebooted'; done
  once_take $word
  [ $? -ne 2 ] || { once_not_ready && return 1; }
}

once_attach() {
  once_begin
  opened=''
  once_ours || return
  [ -e "$dir/claim" ] || once_cancel || return
  (once_open; once_follow)
}

once_stop() {
  once_begin
  opened=''
  once_ours || return
  [ -e "$dir/claim" ] || once_cancel || return
  while once_state; [ "$state" = running ] && [ -z "$owner" ]; do once_nap 3; done
  case $state in
  running | orphan)
    once_ask_stop killed
    once_sweep || { state=alive && once_say && return; }
    while once_state; [ "$state" = running ]; do once_nap 3; done
    [ "$state" = exit ] || once_publish 137 killed
    ;;
  lost)
    # How it ended stays unknown, but what it left behind ends with it.
    [ "$why" != supervisor-died ] || once_sweep || { state=alive && once_say && return; }
    ;;
  esac
  (once_open; once_follow)
}

# No claim, no file; its process group is gone when the answer is given. stdout and stderr stay apart, and the
# answer is given on both, so that the end of each is seen.
once_look() {
  once_begin
  once_begin >&9
  (once_exec) </dev/null 2>&9 9>&- &
  cmd=$!
  (
    trap 'kill $! 2>/dev/null; exit 0' TERM
    once_doze "$limit"
    trap '' TERM
    kill -KILL -$cmd $cmd 2>/dev/null
    exit 3
  ) >/dev/null 2>&1 9>&- &
  timer=$!
  wait $cmd
  rc=$?
  kill $timer 2>/dev/null
  kill -KILL -$cmd 2>/dev/null
  wait $timer
  [ $? -ne 3 ] || why=timeout
  state=looked
  once_say >&9
  once_say
}

# 9: the channel's stderr, for looks; everything else would only be the shell talking to itself
exec 9>&2 2>/dev/null
