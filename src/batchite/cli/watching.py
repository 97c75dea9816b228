"""`batchite job watch`: a job's tasks as they come, run and end, until all have or the job has.

The service's feed says when to look and which tasks fail; how many there are of each it counts itself.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from batchite.cli import exits, printing
from batchite.cli.requests import PatientRequests

WAIT_SECONDS = 10
"""For the next events."""
LOOK_SECONDS = 0.5
"""Between two looks at the counts, however much happens."""
RATE_SECONDS = 30.0
"""What the rate looks back on."""
LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""
MOST = 1000
"""Events at a time."""

Event = dict[str, Any]


class Counts(NamedTuple):
    """Of a job's tasks."""

    active: int
    running: int
    succeeded: int
    failed: int

    @property
    def done(self) -> int:
        return self.succeeded + self.failed

    @property
    def left(self) -> int:
        return self.active + self.running

    @property
    def total(self) -> int:
        return self.done + self.left


class Progress:
    """What was seen at which time, in seconds of any clock."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, at: float, done: int) -> None:
        self._seen.append((at, done))
        while len(self._seen) > 2 and at - self._seen[1][0] >= RATE_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Tasks that ended in a second, lately; None: it is too early to say."""
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first and now > before else None


def line(job_id: str, counts: Counts, rate: float | None) -> str:
    """Progress in a line."""
    text = (
        f"{job_id}: {counts.done:,} of {counts.total:,} done ({counts.failed:,} failed), "
        f"{counts.running:,} running, {counts.active:,} waiting"
    )
    if rate is None or not counts.left:
        return text
    return f"{text}; {rate:,.1f}/s, {duration(counts.left / rate)} left"


def duration(seconds: float) -> str:
    """As people say it: two units at most."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, seconds = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


class Screen:
    """Where progress is shown: one line that is written over on a terminal, else a line from time to time."""

    def __init__(self) -> None:
        self._is_live = sys.stdout.isatty()
        self._shown = ""
        self._at = 0.0

    def progress(self, text: str, at: float, *, last: bool = False) -> None:
        if text == self._shown and not last:
            return
        if self._is_live:
            click.echo(f"\r\x1b[K{text}", nl=last)
        elif last or at - self._at >= LINE_SECONDS:
            click.echo(text)
            self._at = at
        self._shown = text

    def remark(self, text: str) -> None:
        """A line that stays."""
        click.echo(f"\r\x1b[K{text}" if self._is_live else text)
        self._shown = ""


def watch(client: PatientRequests, job_id: str, *, from_start: bool = False, as_json: bool) -> int:
    """Follow the job to its end; the exit code. With `as_json` print its events, a line each; `from_start`:
    with those of before, as far as they are kept."""
    screen, progress = Screen(), Progress()
    if from_start:
        cursor = _tell_before(client, job_id, None if as_json else screen)
    else:
        cursor = str(client.get("-", "events", job=job_id)["cursor"])
    job = client.get("jobs", job_id)
    state, counts = str(job["state"]), _counts(client, job_id)
    error = job["executionInfo"].get("schedulingError", {}).get("message")
    looked = time.monotonic()
    progress.note(looked, counts.done)
    while not _is_over(state, counts):
        if not as_json:
            screen.progress(line(job_id, counts, progress.rate), looked)
        answer = client.get("-", "events", job=job_id, cursor=cursor, wait=str(WAIT_SECONDS))
        cursor = str(answer["cursor"])
        state = _tell(answer["events"], state, None if as_json else screen)
        if state == "deleted":
            exits.fail(f"the job {job_id!r} has been deleted", exits.NOT_FOUND)
        if len(answer["events"]) == MOST and time.monotonic() - looked < LOOK_SECONDS:
            continue
        time.sleep(max(looked + LOOK_SECONDS - time.monotonic(), 0) if answer["events"] else 0)
        counts, looked = _counts(client, job_id), time.monotonic()
        progress.note(looked, counts.done)
    for event in _rest(client, job_id, cursor):
        state = _tell([event], state, None if as_json else screen)
    if not as_json:
        screen.progress(line(job_id, counts, None), looked, last=True)
        if state == "completed":
            click.echo(printing.shown(f"The job has completed{f': {error}' if error else '.'}"))
    return exits.TASKS_FAILED if counts.failed or counts.left or error else 0


def _is_over(state: str, counts: Counts) -> bool:
    return state == "completed" or (counts.total > 0 and not counts.left)


def _tell_before(client: PatientRequests, job_id: str, screen: Screen | None) -> str:
    """Tell what has happened so far; the cursor of what comes next. Jobs of the past may have had this id."""
    cursor = "begin"
    while True:
        answer = client.get("-", "events", job=job_id, cursor=cursor)
        cursor = str(answer["cursor"])
        if not answer["events"]:
            return cursor
        for event in answer["events"]:
            if _tell([event], "", screen) == "deleted" and screen is not None:
                screen.remark(f"deleted: the job {printing.shown(job_id)}; what follows is of another one")


def _rest(client: PatientRequests, job_id: str, cursor: str) -> Iterator[Event]:
    """What was told until all had ended."""
    while True:
        answer = client.get("-", "events", job=job_id, cursor=cursor)
        yield from answer["events"]
        cursor = str(answer["cursor"])
        if len(answer["events"]) == 0:
            return


def _tell(events: list[Event], state: str, screen: Screen | None) -> str:
    """Print events, or of those only the failures; the job's state after them."""
    for event in events:
        if screen is None:
            click.echo(printing.compact(event))
        elif event.get("result") == "failure":
            screen.remark(failure(event))
        if event["kind"] == "job":
            state = event["state"]
    return state


def failure(event: Event) -> str:
    """What is said of a task that failed."""
    code = event.get("exitCode")
    why = event.get("failure", "it failed") if code is None else f"exit code {code}"
    where = f" on {event['nodeId']}" if "nodeId" in event else ""
    return printing.shown(f"failed: {event['taskId']}: {why}{where}")


def _counts(client: PatientRequests, job_id: str) -> Counts:
    found = client.get("jobs", job_id, "taskcounts")["taskCounts"]
    return Counts(found["active"], found["running"], found["succeeded"], found["failed"])
