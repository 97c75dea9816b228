from typing import SupportsIndex

import pytest

from batchite.wire.blob import block_list, pages, xml
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.xml import MAX_ATTRIBUTES, MAX_TAG_BYTES


class Document(bytes):
    """Counts how many bytes are taken out of it."""

    taken = 0

    def __getitem__(self, key: SupportsIndex | slice) -> bytes:  # type: ignore[override]
        found = super().__getitem__(key)
        assert isinstance(found, bytes)
        self.taken += len(found)
        return found


def attributes(count: int) -> str:
    return " ".join(f'a{number}="1"' for number in range(count))


def reason(document: bytes) -> str:
    with pytest.raises(BlobError) as refused:
        xml.parse(document, "A")
    assert refused.value.code == "InvalidXmlDocument"
    return dict(refused.value.details)["Reason"]


def test_documents_have_few_attributes() -> None:
    assert xml.parse(f"<A {attributes(MAX_ATTRIBUTES)}>text</A>".encode(), "A").text == "text"
    for document in (
        f"<A {attributes(MAX_ATTRIBUTES + 1)}/>",
        "<A>" + '<B c="1" d="2"/>' * (MAX_ATTRIBUTES // 2 + 1) + "</A>",
    ):
        assert reason(document.encode()) == f"a document has at most {MAX_ATTRIBUTES} attributes"


@pytest.mark.parametrize(
    "start", [f"<A {attributes(200_000)}>", f"<A><!--{'x' * 2_000_000}-->", f"<{'A' * 2_000_000}>"]
)
def test_of_a_long_tag_only_the_beginning_is_read(start: str) -> None:
    document = Document(start.encode())
    assert reason(document) == f"a tag or a comment is longer than {MAX_TAG_BYTES} bytes"
    assert document.taken <= 3 * MAX_TAG_BYTES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_pieces_of_a_document_are_put_together(encoding: str) -> None:
    text = "aü€𝄞" * MAX_TAG_BYTES
    document = f'<?xml version="1.0" encoding="{encoding}"?><A><B>{text}</B><C/></A>'.encode(encoding)
    root = xml.parse(document, "A")
    assert [(child.name, child.text) for child in root.children] == [("B", text), ("C", "")]


def test_long_lists_of_blocks_and_pages_are_read_whole() -> None:
    blocks = [block_list.Block("Latest", f"{number:08d}") for number in range(10_000)]
    inner = "".join(f"<Latest>{block.id}</Latest>" for block in blocks)
    assert block_list.parse(f"<BlockList>{inner}</BlockList>".encode()) == blocks
    spans = [pages.Span(1024 * number, 1024 * number + 512) for number in range(10_000)]
    assert pages.parse(pages.encode([pages.Pages(span.start, span.end) for span in spans])) == (spans, None)


@pytest.mark.parametrize(
    "document", [b"", b"<A", b"<A>", b"<A></B>", b"<A/><A/>", b"<!DOCTYPE A><A/>", b"text"]
)
def test_what_is_no_document_is_refused(document: bytes) -> None:
    assert reason(document)
