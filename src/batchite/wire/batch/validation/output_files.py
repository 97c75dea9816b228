"""Output files of tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.file_patterns import is_wild, without_variables
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.transfers import (
    OutputFile,
    OutputFileBlobContainerDestination,
    OutputFileUploadHeader,
)
from batchite.wire.batch.validation import rules

LONGEST_NAME: Final = 1024
"""Characters of a blob's name."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE: Final = re.compile(r"[\t -~]*", re.ASCII)
_OWN: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "transfer-encoding",
        "x-ms-blob-type",
        "x-ms-date",
        "x-ms-version",
    }
)
"""Headers that an upload has to set itself."""


def check(where: str, files: Maybe[Sequence[OutputFile]]) -> None:
    """Raises BatchError, which names the property below `where`."""
    for index, file in enumerate(files or ()):
        here = f"{where}[{index}]"
        rules.check_text(f"{here}.filePattern", file.file_pattern)
        if not file.destination.container:
            raise missing_property(f"{here}.destination.container")
        _check_container(f"{here}.destination.container", file.destination.container)
        _check_path(f"{here}.destination.container.path", file.destination.container.path, file.file_pattern)


def _check_container(where: str, container: OutputFileBlobContainerDestination) -> None:
    url = container.container_url
    rules.check_url(f"{where}.containerUrl", url)
    if not urlsplit(url).path.strip("/"):
        raise invalid_property(f"{where}.containerUrl", url.partition("?")[0], "must name a container")
    headers = container.upload_headers or ()
    for index, header in enumerate(headers):
        _check_header(f"{where}.uploadHeaders[{index}]", header)
    names = [header.name.lower() for header in headers]
    rules.check_different(f"{where}.uploadHeaders", "name", names)


def _check_path(where: str, path: Maybe[str], pattern: str) -> None:
    """What only the node knows, the values of variables, cannot make it shorter than what it is without them;
    and one of them may make the pattern one that means several files."""
    if not path:
        return
    rules.check_no_nul(where, path)
    if len(without_variables(path)) > LONGEST_NAME:
        raise invalid_property(where, path, f"must have at most {LONGEST_NAME} characters, as names of blobs")
    is_one_file = without_variables(pattern) == pattern and not is_wild(pattern)
    if is_one_file and not path.strip("/"):
        raise invalid_property(where, path, "must name a blob, since the filePattern means one file")


def _check_header(where: str, header: OutputFileUploadHeader) -> None:
    if _TOKEN.fullmatch(header.name) is None:
        raise invalid_property(f"{where}.name", header.name, "must be the name of an HTTP header")
    if header.name.lower() in _OWN:
        raise invalid_property(f"{where}.name", header.name, "must not be one that every upload sets itself")
    if _VALUE.fullmatch(header.value or "") is None:
        raise invalid_property(f"{where}.value", header.value, "must be one line of printable ASCII")
