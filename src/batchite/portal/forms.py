"""The body of a form."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from batchite.web.problems import MalformedRequest
from batchite.web.request import Incoming

LARGEST = 256 * 1024
MOST_FIELDS = 1000
TYPE = "application/x-www-form-urlencoded"


async def read(request: Incoming) -> Mapping[str, str]:
    """Fields by name, the last of each, with line ends as they were typed: browsers send others. Raises
    BodyTooLarge and MalformedRequest."""
    content = await request.body(LARGEST)
    if not content:
        return {}
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != TYPE:
        raise MalformedRequest(f"A form is sent as {TYPE}.")
    try:
        text = content.decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise MalformedRequest("The form cannot be read.") from None
    return {name: value.replace("\r\n", "\n") for name, value in fields}
