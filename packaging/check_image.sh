#!/usr/bin/env bash
# Builds the image, runs it, asks it how it is as its health check does, and stops it: `make image`.
# BASE names another base image; PODMAN, BUILD_FLAGS and RUN_FLAGS add what a machine needs, such as
# PODMAN="podman --runtime runc".
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra podman <<<"${PODMAN:-podman}"
read -ra build_flags <<<"${BUILD_FLAGS:-}"
read -ra run_flags <<<"${RUN_FLAGS:-}"
base=${BASE:+--build-arg=BASE=$BASE}

"${podman[@]}" build "${build_flags[@]}" ${base:+"$base"} --format docker -f packaging/Containerfile -t batchite .
container=$("${podman[@]}" run --detach "${run_flags[@]}" batchite)
trap '"${podman[@]}" rm --force "$container" >/dev/null' EXIT
for _ in $(seq 60); do
    if "${podman[@]}" exec "$container" batchite status --json >/dev/null 2>&1; then
        "${podman[@]}" exec "$container" batchite status
        [[ $("${podman[@]}" exec "$container" id -u) != 0 ]]
        "${podman[@]}" stop --time 60 "$container" >/dev/null
        [[ $("${podman[@]}" inspect --format '{{.State.ExitCode}}' "$container") == 0 ]]
        echo "The image runs, answers, and stops in order."
        exit 0
    fi
    sleep 1
done
"${podman[@]}" logs "$container" >&2
exit 1
