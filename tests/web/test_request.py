import pytest

from batchite.web.request import Incoming


def header(*values: bytes) -> str:
    async def nothing() -> dict[str, object]:
        return {}

    scope = {
        "type": "http", "method": "GET", "scheme": "http", "raw_path": b"/", "query_string": b"",
        "headers": [(b"x-a", value) for value in values],
    }  # fmt: skip
    return Incoming(scope, nothing).headers["x-a"]


@pytest.mark.parametrize("around", ["\xa0", "\x85", "\x1f", "\x0b", "\x0c"])
def test_only_spaces_and_tabs_around_a_header_are_no_part_of_its_value(around: str) -> None:
    assert header(b" \t1 2\t ") == "1 2"
    assert header(b"1 ", b"\t2") == "1,2"
    assert header(f" {around}1{around} ".encode("latin-1")) == f"{around}1{around}"
