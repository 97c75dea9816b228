#!/bin/sh
# What a job of the survival test runs on its nodes besides tasks:  around.sh DIRECTORY prepare|release
#
# Each run appends, with one write each, a line when it starts and one when it ends by itself:
#     prepare-start NODE, prepare-end NODE, release-start NODE, release-end NODE
# Preparation leaves a file at its end, which tasks look for.

lines=$1/around-$AZ_BATCH_JOB_ID
printf '%s-start %s\n' "$2" "$AZ_BATCH_NODE_ID" >>"$lines"
sleep 0.2
if [ "$2" = prepare ]; then
    : >prepared
fi
printf '%s-end %s\n' "$2" "$AZ_BATCH_NODE_ID" >>"$lines"
