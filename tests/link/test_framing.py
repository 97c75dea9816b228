"""Frames, also those that only somebody else's agent would send."""

from __future__ import annotations

import msgspec
import pytest

from batchite.link import framing
from batchite.link.messages import (
    LAST_MOMENT,
    EndRun,
    FileEntry,
    FilesListed,
    Heartbeat,
    Hello,
    RecallRun,
    RunEnded,
    RunKey,
    RunStarted,
    key_of,
)
from batchite.wire.batch.outcome import Exit, Failure

STARTED = RunStarted(1, 2, 3, 100)


def sent(*messages: object) -> bytes:
    return msgspec.msgpack.encode(messages)


def test_messages_come_back_in_order() -> None:
    messages = [STARTED, Heartbeat(), RunEnded(2, 2, 3, 100, 200, 0, None)]
    assert framing.from_agent.decode(framing.encode(messages)) == messages
    assert [framing.from_agent.decode(frame) for frame in framing.frames(messages)] == [messages]


def test_much_to_say_takes_several_frames() -> None:
    entry = FileEntry("x" * 300_000, False, 1, 1, 0o100644)
    messages = [FilesListed(number, (entry,)) for number in range(40)]
    split = list(framing.frames(messages))
    assert len(split) > 1
    assert all(len(frame) <= framing.LONG_FRAME_BYTES for frame in split)
    assert [message for frame in split for message in framing.from_agent.decode(frame)] == messages


def test_one_message_is_never_split() -> None:
    listed = FilesListed(1, (FileEntry("x" * framing.LONG_FRAME_BYTES, False, 1, 1, 0),))
    assert len(list(framing.frames([listed]))) == 1


@pytest.mark.parametrize(
    "strange",
    [
        ("NoSuchMessage", 1),
        ("TaskStarted", 1, 2, 3, "soon"),
        ("TaskStarted", 1, 2, 3, -1),
        ("TaskStarted", 1, 2, 3, LAST_MOMENT + 1),
        ("TaskStarted", 2**64 - 1, 2, 3, 100),
        ("TaskEnded", 1, 2, 3, 100, 200, 2**31, None),
        ("FileStatus", 1, ("name", False, -1, 0, 0)),
        ("Hello", 1, b"\xff", 1, (), 0),
        ("Hello", 1, "0", 1, (), 0, 0, "<b>here</b>"),
        ("Hello", 1, "0", 1, (), 0, 0, "1" * 46),
        ("Hello", 1, "0", 1, (), 0, 0, "::1\n"),
        (),
        7,
    ],
)
def test_what_is_not_known_or_cannot_be_meant_is_left_out(strange: object) -> None:
    assert framing.from_agent.decode(sent(strange, STARTED)) == [STARTED]


def test_text_that_is_none_spoils_only_its_own_message() -> None:
    frame = sent(("Hello", 1, "?", 1, (), 0), STARTED).replace(b"\xa1?", b"\xa1\xff")
    assert framing.from_agent.decode(frame) == [STARTED]


@pytest.mark.parametrize("said", [(), (4,), (0, "10.0.0.7"), (0, "fd00::7")])
def test_agents_of_the_past_say_no_address(said: tuple[object, ...]) -> None:
    (hello,) = framing.from_agent.decode(sent(("Hello", 1, "0", 1, (), 0, *said)))
    assert isinstance(hello, Hello)
    assert hello.address == (said[1] if len(said) == 2 else "")


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x01", b"\xdd\xff\xff\xff\xff", b"\x91" * 5000])
def test_what_is_no_frame(frame: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        framing.from_agent.decode(frame)


def test_reports_are_read_as_agents_have_always_written_them() -> None:
    """Agents outlive upgrades of the service."""
    failure = ("usererror", "FailureExitCode", "exit code 3", (("ExitCode", "3"),))
    hello = ("Hello", 1, "0", 1, ((2, 3), (4, 1)), 1)
    frame = sent(hello, ("TaskStarted", 1, 2, 3, 100), ("TaskEnded", 2, 2, 3, 100, 200, 3, failure))
    said, started, ended = framing.from_agent.decode(frame)
    assert isinstance(said, Hello)
    assert (said.protocol, said.held) == (1, (RunKey(2, 3), RunKey(4, 1)))
    assert started == RunStarted(1, 2, 3, 100, "task")
    assert isinstance(ended, RunEnded)
    assert (ended.report, key_of(ended)) == (2, RunKey(2, 3, "task"))
    assert ended.exit == Exit(100, 200, 3, Failure(*failure))


def test_agents_of_the_past_understand_what_is_said_of_the_tasks_that_they_have() -> None:
    messages = [EndRun(2, 3, Failure("usererror", "TaskEnded", "why"), 7), RecallRun(4, 1)]
    assert msgspec.msgpack.decode(framing.encode(messages)) == [
        ["EndTask", 2, 3, ["usererror", "TaskEnded", "why", []], 7, "task"],
        ["RecallTask", 4, 1, "task"],
    ]
