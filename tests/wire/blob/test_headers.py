import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import address, block_list, headers
from batchite.wire.blob.errors import CODES, BlobError, body
from batchite.wire.ticks import Timestamp


def test_properties_come_from_either_form_of_header() -> None:
    both = {"content-type": "a/b", "x-ms-blob-content-type": "c/d", "content-language": "de"}
    assert headers.blob_properties(both, plain=True).content_type == "c/d"
    assert headers.blob_properties(both, plain=True).content_language == "de"
    assert headers.blob_properties(both, plain=False).content_language == ""
    assert (
        headers.blob_properties({"content-type": ""}, plain=True).content_type == "application/octet-stream"
    )


def test_a_control_character_cannot_get_into_an_answer() -> None:
    for given_headers in ({"x-ms-blob-cache-control": "a\x01"}, {"x-ms-blob-content-type": "a\x7f"}):
        with pytest.raises(BlobError):
            headers.blob_properties(given_headers, plain=True)
    with pytest.raises(BlobError):
        headers.metadata([("x-ms-meta-a", "b\x0bc")])


@pytest.mark.parametrize(
    "text",
    [
        "2025-13-01",
        "2025-02-31",
        "0000-01-01",
        "20250101",
        "latest",
        "2025-01-01x",
        "2015-02-20",
        "1900-01-01",
    ],
)
def test_a_version_is_a_date_on_which_there_was_one(text: str) -> None:
    with pytest.raises(BlobError) as refused:
        headers.check_version(text)
    assert refused.value.code == "InvalidHeaderValue"


def test_a_tokens_version_may_be_older_but_is_a_date() -> None:
    assert headers.check_version(None, "2012-02-12") == "2012-02-12"
    assert headers.check_version("2015-02-21", "2012-02-12") == "2015-02-21"
    assert headers.check_version(None) == headers.check_version("", "") == headers.NEWEST_VERSION
    with pytest.raises(BlobError):
        headers.check_version(None, "2025-02-31")


@given(st.text(max_size=30))
def test_a_path_is_read_or_refused(path: str) -> None:
    try:
        parsed = address.parse(f"/account/{path}", container_meant=False)
    except BlobError as error:
        result = error.code
    else:
        result = parsed.account
    assert result in ("account", "InvalidUri")


def test_a_path_is_decoded_once() -> None:
    assert address.parse("/a/c/b%252F%2Fd/e", container_meant=False).blob == "b%2F/d/e"
    assert address.parse("/a/c", container_meant=True) == address.Address("a", "c")
    assert address.parse("/a/c", container_meant=False) == address.Address("a", "$root", "c")


@given(st.binary(max_size=200))
def test_a_block_list_is_read_or_refused(document: bytes) -> None:
    try:
        ids = [block.id for block in block_list.parse(document)]
    except BlobError as error:
        ids = []
        refusal = error.code
    else:
        refusal = ""
    assert refusal in ("", "InvalidXmlDocument", "InvalidBlockId")
    assert all(block_list.check_id(block_id) for block_id in ids)


def test_sources_of_blocks_are_kept_apart() -> None:
    document = (
        b'<?xml version="1.0" encoding="utf-8"?>\n<BlockList>\n <Committed>YQ==</Committed>'
        b"<Uncommitted>Yg==</Uncommitted><Latest> Yw== </Latest></BlockList>"
    )
    assert block_list.parse(document) == [
        ("Committed", "YQ=="),
        ("Uncommitted", "Yg=="),
        ("Latest", "Yw=="),
    ]


def test_every_error_has_a_body_of_its_form() -> None:
    for code, (status, message) in CODES.items():
        error = BlobError(code, details=(("Reason", "<&>"),))
        text = body(error, "id", Timestamp(0)).decode()
        assert error.status == status
        assert message.split("'")[0][:20] in text
        assert "<Reason>&lt;&amp;&gt;</Reason>" in text
