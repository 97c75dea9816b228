#!/bin/sh
# One task of the survival test:  work.sh DIRECTORY NAME SECONDS CODE [left-behind] [CHECKSUM] [BYTES]
#
# Each run appends, with one write each, a line when it starts and one when it ends by itself:
#     start NODE PID BOOT alone|OVERLAP       (BOOT: when the process was started, by the kernel)
#     end NODE PID BOOT CODE TIME             (TIME: by the same clock, in seconds)
# Whatever a run starts inherits a lock on a file of the task's own. A run that does not get the lock
# overlaps an earlier one, be it only a daemon that the earlier one left behind.
# CHECKSUM is that of staged.bin, or of what is in the package that the variable PACKED names.
# A task that has been mended ends well.

lines=$1/$2
exec 9>>"$lines.lock"
alone=OVERLAP
flock --nonblock 9 && alone=alone

read -r status </proc/$$/stat
boot=$(set -- $status && echo "${22}")
printf 'start %s %s %s %s\n' "$AZ_BATCH_NODE_ID" $$ "$boot" "$alone" >>"$lines"

if [ "$5" = left-behind ]; then
    (setsid sh -c 'cd /; sleep 900 & sleep 900' </dev/null >/dev/null 2>&1 &)
fi
code=$4
if [ -e "$lines.mended" ]; then
    code=0
fi
if [ -n "$AZ_BATCH_JOB_PREP_DIR" ] && [ ! -e "$AZ_BATCH_JOB_PREP_WORKING_DIR/prepared" ]; then
    code=98
fi
content=staged.bin
if [ -n "$PACKED" ]; then
    content=$(printenv "$PACKED")/content
fi
if [ -n "$6" ] && [ "$(cksum <"$content")" != "$6" ]; then
    code=99
fi
if [ -n "$7" ]; then
    (printf '%s %s\n' "$2" "$code" && head -c "$7" /dev/zero) >result.bin
fi
exec 8<"$1/release"
flock --shared --timeout "$3" 8  # SECONDS, or until the test lets everybody go
read -r now rest </proc/uptime
printf 'end %s %s %s %s %s\n' "$AZ_BATCH_NODE_ID" $$ "$boot" "$code" "$now" >>"$lines"
exit "$code"
