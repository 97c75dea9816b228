"""An account's static website: what it is made of, which blob a path shows, and the page of an error."""

from __future__ import annotations

import msgspec

from batchite.wire.blob.errors import BlobError, xml_text
from batchite.wire.blob.xml import invalid_node
from batchite.wire.ticks import Timestamp

CONTAINER = "$web"
MIN_INDEX = 3
MAX_PATH = 255


class Website(msgspec.Struct, frozen=True, omit_defaults=True):
    """`index_document` is the name of a page that each directory may have, `default_index_path` the one
    page of all directories instead, `error_path` the page for what is not there. Paths begin at the root,
    with or without a slash. Of a website that is switched off nothing else is kept."""

    enabled: bool = False
    index_document: str = ""
    default_index_path: str = ""
    error_path: str = ""

    def documents(self, path: str) -> list[str]:
        """Names of blobs, the first of which that is there is shown at the path, which has no slash at its
        beginning. A directory's index is shown without the slash at the end of its path, too."""
        is_directory = path == "" or path.endswith("/")
        found = [] if is_directory else [path]
        if self.index_document:
            found.append(f"{path if is_directory else path + '/'}{self.index_document}")
        elif self.default_index_path and is_directory:
            found.append(_name(self.default_index_path))
        return found

    @property
    def error_document(self) -> str:
        """The name of the blob that is shown for what is not there; "" for none."""
        return _name(self.error_path)


def _name(path: str) -> str:
    return path.removeprefix("/")


def check(website: Website) -> None:
    """Raises BlobError InvalidXmlNodeValue for a website that cannot be stored."""
    index = website.index_document
    if index and not (MIN_INDEX <= len(index) <= MAX_PATH and "/" not in index):
        raise invalid_node(
            "IndexDocument", index[:300], f"a name of {MIN_INDEX} to {MAX_PATH} characters, without a slash"
        )
    for element, path in (
        ("DefaultIndexDocumentPath", website.default_index_path),
        ("ErrorDocument404Path", website.error_path),
    ):
        if len(path) > MAX_PATH:
            raise invalid_node(element, path[:300], f"a path of at most {MAX_PATH} characters")
    if index and website.default_index_path:
        raise invalid_node(
            "DefaultIndexDocumentPath", website.default_index_path, "not together with IndexDocument"
        )


def page(error: BlobError, request_id: str, now: Timestamp) -> bytes:
    """The error for those who read it in a browser."""
    told = [
        ("HttpStatusCode", str(error.status)),
        ("ErrorCode", error.code),
        *error.details,
        ("RequestId", request_id),
        ("TimeStamp", str(now)),
    ]
    items = "".join(f"<li>{name}: {xml_text(value)}</li>" for name, value in told)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{error.code}</title></head>'
        f"<body><h1>{xml_text(error.message)}</h1><ul>{items}</ul></body></html>"
    ).encode()
