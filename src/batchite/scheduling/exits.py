"""What the end of a task leads to, by its exit conditions: for tasks that depend on it, and for its job.

A listed exit code comes first, whatever else went wrong; then what kept the command from running, or its
files from being stored; then the default, which exit code 0 has no part in unless something failed.
"""

from __future__ import annotations

from typing import Final

from batchite.resources.rules import ExitRules, JobAction, TaskRules
from batchite.wire.batch.outcome import Exit, result, trouble

_NOTHING: Final = ExitRules()


def satisfies(rules: TaskRules, exit_: Exit) -> bool:
    """Whether tasks that depend on the task may go on."""
    found = _rules(rules, exit_).satisfies
    return _succeeded(exit_) if found is None else found


def job_action(rules: TaskRules, exit_: Exit) -> JobAction:
    """What becomes of the task's job, if that goes by the exit conditions of its tasks."""
    found = _rules(rules, exit_).job_action
    if found is not None:
        return found
    return "none" if _succeeded(exit_) else "terminate"


def _succeeded(exit_: Exit) -> bool:
    return result(exit_.exit_code, exit_.failure) == "success"


def _rules(rules: TaskRules, exit_: Exit) -> ExitRules:
    """Of the first condition that the end of the task meets."""
    conditions, failure, code = rules.exits, exit_.failure, exit_.exit_code
    if conditions is None:
        return _NOTHING
    if code is not None:
        for first, last, found in conditions.codes:
            if first <= code <= last:
                return found
    if _succeeded(exit_):
        return _NOTHING
    of_its_own = {"upload": conditions.file_upload_error, "preprocessing": conditions.pre_processing_error}
    own = of_its_own.get(trouble(code, failure) or "")
    return own or conditions.default or _NOTHING
