import pytest

from batchite.wire.blob import websites
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.websites import Website
from batchite.wire.ticks import Timestamp

INDEXED = Website(True, index_document="index.html", error_path="/errors/404.html")
ONE_PAGE = Website(True, default_index_path="/app/start.html")


@pytest.mark.parametrize(
    ("website", "path", "documents"),
    [
        (INDEXED, "", ["index.html"]),
        (INDEXED, "docs/", ["docs/index.html"]),
        (INDEXED, "docs", ["docs", "docs/index.html"]),
        (INDEXED, "docs/a.css", ["docs/a.css", "docs/a.css/index.html"]),
        (INDEXED, "/", ["/index.html"]),
        (ONE_PAGE, "", ["app/start.html"]),
        (ONE_PAGE, "docs/", ["app/start.html"]),
        (ONE_PAGE, "docs", ["docs"]),
        (Website(True), "", []),
        (Website(True), "docs", ["docs"]),
    ],
)
def test_a_path_shows_a_blob_or_the_index_of_a_directory(
    website: Website, path: str, documents: list[str]
) -> None:
    assert website.documents(path) == documents


def test_the_page_for_what_is_missing_is_named_from_the_root() -> None:
    assert INDEXED.error_document == "errors/404.html"
    assert Website(True, error_path="404.html").error_document == "404.html"
    assert ONE_PAGE.error_document == ""


@pytest.mark.parametrize(
    ("website", "node"),
    [
        (Website(True, index_document="ix"), "IndexDocument"),
        (Website(True, index_document="i" * 256), "IndexDocument"),
        (Website(True, index_document="pages/index.html"), "IndexDocument"),
        (Website(True, default_index_path="p" * 256), "DefaultIndexDocumentPath"),
        (Website(True, error_path="p" * 256), "ErrorDocument404Path"),
        (Website(True, "index.html", "start.html"), "DefaultIndexDocumentPath"),
    ],
)
def test_what_no_website_has_is_refused_by_name(website: Website, node: str) -> None:
    with pytest.raises(BlobError) as refused:
        websites.check(website)
    assert refused.value.code == "InvalidXmlNodeValue"
    assert ("XmlNodeName", node) in refused.value.details


def test_the_longest_names_are_taken() -> None:
    websites.check(Website(True, index_document="i" * 255, error_path="p" * 255))
    websites.check(Website(True, index_document="ind", error_path="/a/b"))


def test_a_page_shows_text_as_text() -> None:
    error = BlobError("WebContentNotFound", details=(("Reason", "no <script>alert(1)</script>"),))
    page = websites.page(error, "some-id", Timestamp.parse("2026-01-02T03:04:05Z")).decode()
    assert "<script>" not in page
    assert "no &lt;script&gt;" in page
    assert "<li>HttpStatusCode: 404</li><li>ErrorCode: WebContentNotFound</li>" in page
    assert "<li>RequestId: some-id</li>" in page
