import pytest

from batchite.wire.blob import tags
from batchite.wire.blob.errors import BlobError


def test_the_header_is_decoded() -> None:
    assert tags.read_header("a+b=c%2Fd&e=&+f=%20g") == {"a b": "c/d", "e": "", " f": " g"}


def test_what_is_written_reads_the_same() -> None:
    given = {"one": "1", "two two": "a=b:c", " blank before": " 2 ", "   ": ""}
    assert tags.read(tags.write(given)) == given


def test_an_empty_set_has_no_tags() -> None:
    assert tags.read(b"<Tags><TagSet/></Tags>") == {}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("a", "InvalidTag"),
        ("a=1&a=2", "DuplicateTagNames"),
        ("=1", "EmptyTagName"),
        ("a=%3Cb%3E", "InvalidTag"),
        ("a=%C3%A9", "InvalidTag"),
        ("&".join(f"t{n}=1" for n in range(11)), "TagsTooLarge"),
        ("a" * 129 + "=1", "TagsTooLarge"),
        ("a=" + "1" * 257, "TagsTooLarge"),
    ],
)
def test_tags_that_break_a_rule_are_refused(header: str, code: str) -> None:
    with pytest.raises(BlobError) as refused:
        tags.read_header(header)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "document", [b"", b"<Tags/>", b"<Tags><TagSet><Other/></TagSet></Tags>", b"<TagSet/>"]
)
def test_a_document_of_another_form_is_refused(document: bytes) -> None:
    with pytest.raises(BlobError) as refused:
        tags.read(document)
    assert refused.value.code == "InvalidXmlDocument"
