"""Output files of tasks: what is refused, by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation import tasks
from batchite.wire.batch.validation.tasks import OfJob

URL = "https://account.blob.core.windows.net/container?sv=1&sig=secret"


def accept(pattern: str = "*", **container: Any) -> BatchTaskCreateOptions:
    file = {
        "filePattern": pattern,
        "destination": {"container": {"containerUrl": URL, **container}},
        "uploadOptions": {"uploadCondition": "TaskSuccess"},
    }
    body = json.dumps({"id": "t", "commandLine": "true", "outputFiles": [file]}).encode()
    return tasks.accept(codec.decode(body, BatchTaskCreateOptions), OfJob())


def test_what_is_accepted_is_kept_as_it_is() -> None:
    headers = [{"name": "x-ms-meta-a", "value": "b c"}, {"name": "Content-Type"}]
    task = accept("../std*.txt", path="a/b", uploadHeaders=headers)
    assert json.loads(codec.encode(task))["outputFiles"] == [
        {
            "filePattern": "../std*.txt",
            "destination": {"container": {"path": "a/b", "containerUrl": URL, "uploadHeaders": headers}},
            "uploadOptions": {"uploadCondition": "tasksuccess"},
        }
    ]


@pytest.mark.parametrize(
    ("changes", "code", "name"),
    [
        ({"pattern": " "}, "InvalidPropertyValue", "filePattern"),
        ({"pattern": "a\0b"}, "InvalidPropertyValue", "filePattern"),
        ({"containerUrl": "ftp://h/c"}, "InvalidPropertyValue", "destination.container.containerUrl"),
        ({"containerUrl": "https://h/?sig=x"}, "InvalidPropertyValue", "destination.container.containerUrl"),
        *(
            ({"path": path, "pattern": pattern}, "InvalidPropertyValue", "destination.container.path")
            for path, pattern in (
                ("a\0b", "*"),
                ("x" * 1025, "a.txt"),
                ("x" * 1025, "*.txt"),
                ("${A}" + "x" * 1025, "$A"),
                ("/", "a.txt"),
                ("//", "a[*].txt"),
            )
        ),
        (
            {"identityReference": {"resourceId": "x"}},
            "UnsupportedProperty",
            "destination.container.identityReference",
        ),
        *(
            (
                {"uploadHeaders": [header]},
                "InvalidPropertyValue",
                f"destination.container.uploadHeaders[0].{what}",
            )
            for header, what in (
                ({"name": "a b", "value": "x"}, "name"),
                ({"name": "", "value": "x"}, "name"),
                ({"name": "a\r\nb", "value": "x"}, "name"),
                ({"name": "Host", "value": "x"}, "name"),
                ({"name": "X-MS-Version", "value": "x"}, "name"),
                ({"name": "a", "value": "x\r\nHost: y"}, "value"),
                ({"name": "a", "value": "\u00e9"}, "value"),
            )
        ),
        (
            {"uploadHeaders": [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}]},
            "InvalidPropertyValue",
            "destination.container.uploadHeaders",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: str, name: str) -> None:
    with pytest.raises(BatchError) as caught:
        accept(**changes)
    assert caught.value.code == code
    assert dict(caught.value.values)["PropertyName"] == f"outputFiles[0].{name}"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("x" * 1024, "a.txt"),
        ("${AZ_BATCH_TASK_ID}" * 60, "a.txt"),  # may be short enough on the node
        ("/", "*.txt"),  # the container itself
        ("/", "$FILES"),  # which may be a wildcard there
        ("/", "%FILES%"),
        ("", "a.txt"),
    ],
)
def test_a_path_that_may_name_something_is_accepted(path: str, pattern: str) -> None:
    files = accept(pattern, path=path).output_files
    assert files
    assert files[0].destination.container
    assert files[0].destination.container.path == path


def test_a_destination_is_needed() -> None:
    file = {"filePattern": "*", "destination": {}, "uploadOptions": {"uploadCondition": "taskcompletion"}}
    body = json.dumps({"id": "t", "commandLine": "true", "outputFiles": [file]}).encode()
    with pytest.raises(BatchError) as caught:
        tasks.accept(codec.decode(body, BatchTaskCreateOptions), OfJob())
    assert caught.value.code == "MissingRequiredProperty"
    assert dict(caught.value.values)["PropertyName"] == "outputFiles[0].destination.container"
