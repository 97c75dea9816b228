"""JSON to models: what is read, and how refusals name property, value and rule."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import AutoUserScope, BatchNodeFillType
from batchite.wire.batch.models.fields import Int64
from batchite.wire.batch.models.files import FileProperties
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.ticks import Duration, Timestamp


def task(**properties: object) -> bytes:
    """A collection whose second task has these properties."""
    items = [{"id": "a", "commandLine": "true"}, {"id": "b", "commandLine": "true", **properties}]
    return json.dumps({"value": items}).encode()


def refused(body: bytes, type_: type = BatchTaskGroup) -> BatchError:
    with pytest.raises(BatchError) as caught:
        codec.decode(body, type_)
    return caught.value


def status_of(body: bytes) -> int:
    """200 for what can be decoded, else the status of the refusal; anything else escapes."""
    try:
        codec.decode(body, BatchTaskGroup)
    except BatchError as error:
        return error.status
    return 200


def test_absent_null_and_value_differ() -> None:
    def read(text: bytes) -> object:
        return codec.decode(
            b'{"id":"a","commandLine":"x"' + text + b"}", BatchTaskCreateOptions
        ).required_slots

    assert read(b"") is msgspec.UNSET
    assert read(b',"requiredSlots":null') is None
    assert read(b',"requiredSlots":2') == 2


def test_enumerations_ignore_case_on_input_and_are_written_as_documented() -> None:
    policy = b'{"nodeFillType":"pACK","jobDefaultOrder":"CreationTime"}'
    body = b'{"id":"p","vmSize":"s","taskSchedulingPolicy":' + policy + b"}"
    pool = codec.decode(body, BatchPoolCreateOptions)
    assert pool.task_scheduling_policy
    assert pool.task_scheduling_policy.node_fill_type is BatchNodeFillType.PACK
    written = codec.to_builtins(pool)["taskSchedulingPolicy"]
    assert written == {"jobDefaultOrder": "creationtime", "nodeFillType": "Pack"}


def test_times_durations_and_long_integers_are_text() -> None:
    file = FileProperties(
        last_modified=Timestamp.parse("2026-01-31T12:00:00.1234567Z"), content_length=Int64(13)
    )
    assert codec.encode(file) == b'{"lastModified":"2026-01-31T12:00:00.1234567Z","contentLength":"13"}'
    assert codec.decode(codec.encode(file), FileProperties) == file
    given_as_number = b'{"lastModified":"2026-01-31T12:00:00Z","contentLength":13}'
    assert codec.decode(given_as_number, FileProperties).content_length == Int64(13)


def test_plain_values_convert_as_bytes_decode() -> None:
    body = task(constraints={"maxWallClockTime": "PT1M"}, userIdentity={"autoUser": {"scope": "TASK"}})
    group = codec.convert(codec.parse(body), BatchTaskGroup)
    assert group == codec.decode(body, BatchTaskGroup)
    second = group.value[1]
    assert second.constraints
    assert second.constraints.max_wall_clock_time == Duration.of(minutes=1)
    assert second.user_identity
    assert second.user_identity.auto_user
    assert second.user_identity.auto_user.scope is AutoUserScope.TASK


@pytest.mark.parametrize(
    ("properties", "code", "name", "value", "rule"),
    [
        (
            {"resourceFiles": [{"httpUrl": 5}]},
            "InvalidRequestBody",
            "value[1].resourceFiles[0].httpUrl",
            "5",
            "text",
        ),
        ({"resourceFiles": {}}, "InvalidRequestBody", "value[1].resourceFiles", "{}", "a list"),
        ({"userIdentity": []}, "InvalidRequestBody", "value[1].userIdentity", "[]", "an object"),
        ({"requiredSlots": "two"}, "InvalidRequestBody", "value[1].requiredSlots", '"two"', "whole number"),
        (
            {"requiredSlots": "2147483648"},
            "InvalidPropertyValue",
            "value[1].requiredSlots",
            '"2147483648"',
            "<= 2147483647",
        ),
        (
            {"requiredSlots": 2**31},
            "InvalidPropertyValue",
            "value[1].requiredSlots",
            str(2**31),
            "<= 2147483647",
        ),
        ({"requiredSlots": 1.5}, "InvalidRequestBody", "value[1].requiredSlots", "1.5", "whole number"),
        ({"requiredSlots": True}, "InvalidRequestBody", "value[1].requiredSlots", "true", "whole number"),
        (
            {"constraints": {"maxWallClockTime": "soon"}},
            "InvalidRequestBody",
            "value[1].constraints.maxWallClockTime",
            '"soon"',
            "ISO 8601 duration",
        ),
        (
            {"constraints": {"maxWallClockTime": "P99999999999D"}},
            "InvalidPropertyValue",
            "value[1].constraints.maxWallClockTime",
            '"P99999999999D"',
            "longer than",
        ),
        (
            {"userIdentity": {"autoUser": {"scope": "all"}}},
            "InvalidPropertyValue",
            "value[1].userIdentity.autoUser.scope",
            '"all"',
            "one of task, pool",
        ),
        ({"slots": 5}, "InvalidRequestBody", "value[1].slots", "5", "no property of this name"),
    ],
)
def test_a_refusal_names_property_value_and_rule(
    properties: dict[str, object], code: str, name: str, value: str, rule: str
) -> None:
    error = refused(task(**properties))
    assert (error.status, error.code) == (400, code)
    pairs = dict(error.values)
    assert (pairs["PropertyName"], pairs["PropertyValue"]) == (name, value)
    assert rule in pairs["Reason"]
    assert name in error.message
    assert rule in error.message


def pool(**properties: object) -> BatchPoolCreateOptions:
    return codec.decode(json.dumps({"id": "p", "vmSize": "s", **properties}).encode(), BatchPoolCreateOptions)


@pytest.mark.parametrize(("text", "number"), [("1", 1), (" 12 ", 12), ("+3", 3), ("-4", -4), ("007", 7)])
def test_a_number_may_come_as_text(text: str, number: int) -> None:
    assert pool(targetDedicatedNodes=text).target_dedicated_nodes == number


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("False", False), (" TRUE", True)])
def test_a_truth_value_may_come_as_text(text: str, truth: bool) -> None:
    read = pool(startTask={"commandLine": "x", "waitForSuccess": text, "maxTaskRetryCount": "2"}).start_task
    assert read
    assert (read.wait_for_success, read.max_task_retry_count) == (truth, 2)


def test_text_that_is_due_stays_text() -> None:
    read = pool(displayName="1", metadata=[{"name": "true", "value": "2"}], taskSlotsPerNode="4")
    assert (read.display_name, read.task_slots_per_node) == ("1", 4)
    assert read.metadata
    assert (read.metadata[0].name, read.metadata[0].value) == ("true", "2")


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "0x1", "1_000", "\u0663", "null", "true", "9" * 200])
def test_other_text_is_no_number(text: str) -> None:
    body = json.dumps({"id": "p", "vmSize": "s", "targetDedicatedNodes": text}).encode()
    assert refused(body, BatchPoolCreateOptions).code == "InvalidRequestBody"


@pytest.mark.parametrize("value", ["yes", "1", "", 1, 0.0])
def test_other_values_are_no_truth_values(value: object) -> None:
    body = json.dumps({"id": "p", "vmSize": "s", "enableAutoScale": value}).encode()
    assert refused(body, BatchPoolCreateOptions).code == "InvalidRequestBody"


def test_annotations_are_passed_over() -> None:
    properties = {"odata.metadata": "http://h/$metadata#pools/@Element", "id@odata.type": "Edm.String"}
    read = pool(startTask={"commandLine": "x", "odata.type": "Entities.StartTask"}, **properties)
    assert read == pool(startTask={"commandLine": "x"})


def test_a_byte_order_mark_is_no_part_of_the_body() -> None:
    body = b'\xef\xbb\xbf{"id":"p","vmSize":"s","taskSlotsPerNode":"2"}'
    assert codec.decode(body, BatchPoolCreateOptions).task_slots_per_node == 2
    assert codec.parse(body) == {"id": "p", "vmSize": "s", "taskSlotsPerNode": "2"}


def test_a_near_miss_is_told_the_right_name() -> None:
    assert "Did you mean commandLine?" in refused(b'{"value":[{"id":"a","commandline":"x"}]}').message
    assert "Did you mean httpUrl?" in refused(task(resourceFiles=[{"httpURL": "x"}])).message


@pytest.mark.parametrize("body", [b'{"id":"a"}', b'{"id":"a","commandLine":null}'])
def test_a_required_property_cannot_be_absent_or_null(body: bytes) -> None:
    error = refused(body, BatchTaskCreateOptions)
    assert (error.code, dict(error.values)["PropertyName"]) == ("MissingRequiredProperty", "commandLine")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"[]",
        b"null",
        b'"text"',
        b'{"value":[',
        b'{"value":[]} x',
        b'{"value":NaN}',
        b'{"value":1e999}',
        b'{"value":Infinity}',
        b"\xff\xfe",
        b'{"value":"\xff"}',
        b'{"value":["\\ud800"]}',
        b"\xef\xbb\xbf",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(body).code == "InvalidRequestBody"
    assert refused(body).status == 400


def test_a_huge_value_or_name_does_not_make_a_huge_answer() -> None:
    assert len(refused(task(requiredSlots="x" * 100_000)).message) < 1000
    assert len(refused(task(**{"x" * 100_000: 1})).message) < 1000


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_anything_but_a_documented_error(body: bytes) -> None:
    assert status_of(body) in {200, 400}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "commandLine", "resourceFiles", "constraints", "value", "maxWallClockTime", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_no_json_escapes_as_anything_but_a_documented_error(value: object) -> None:
    assert status_of(json.dumps({"value": [value]}).encode()) in {200, 400}


def test_metadata_comes_first() -> None:
    assert (
        codec.with_metadata(b"{}", "http://h/$metadata#pools")
        == b'{"odata.metadata":"http://h/$metadata#pools"}'
    )
    assert list(json.loads(codec.with_metadata(b'{"id":"p"}', "m"))) == ["odata.metadata", "id"]


def test_a_page_has_its_items_and_the_way_on() -> None:
    page = json.loads(codec.page([b'{"id":"a"}', b'{"id":"b"}'], "m", "http://h/pools?$skiptoken=x"))
    assert page == {
        "odata.metadata": "m",
        "value": [{"id": "a"}, {"id": "b"}],
        "odata.nextLink": "http://h/pools?$skiptoken=x",
    }
    assert json.loads(codec.page([], "m", None)) == {"odata.metadata": "m", "value": []}


MEANWHILE = """
import threading
from batchite.wire.batch import codec
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

body = b'{"id": "p", "vmSize": "s", "startTask": {"commandLine": "x", "resourceFiles": [{"httpUrl": "u"}]}}'
together = threading.Barrier(6)

def read():
    together.wait()
    READ

threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize(
    "read",
    [
        "codec.decode(body, BatchPoolCreateOptions)",
        "codec.convert(codec.parse(body), BatchPoolCreateOptions)",
    ],
)
def test_several_threads_may_be_the_first_to_read_a_model(read: str) -> None:
    """In a process of its own: nobody has read one there, and what goes wrong ends it."""
    command = [sys.executable, "-c", MEANWHILE.replace("READ", read)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
