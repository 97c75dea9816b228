"""What is shown of a content, and as what."""

import pytest

from batchite.portal.storage import previews
from batchite.portal.storage.previews import Text

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", ""),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', ""),
        (b"<!doctype html><script>alert(1)</script>", ""),
        (b"", ""),
    ],
)
def test_images_by_what_they_begin_with(head: bytes, media_type: str) -> None:
    assert previews.image_type(head) == media_type


@pytest.mark.parametrize(
    ("head", "size", "text"),
    [
        (b"plain\r\n", 7, Text("plain\r\n", "utf-8", False)),
        (b"", 0, Text("", "utf-8", False)),
        ("größer".encode(), 8, Text("größer", "utf-8", False)),
        ("größer".encode()[:3], 8, Text("gr", "utf-8", True)),  # cut within a character
        ("größer".encode()[:3], 3, Text("grÃ", "windows-1252", False)),
        ("größer".encode("latin-1"), 6, Text("größer", "windows-1252", False)),
        (b"\xef\xbb\xbfmarked", 9, Text("marked", "utf-8", False)),
        ("weit".encode("utf-16"), 10, Text("weit", "utf-16-le", False)),
        (b"\xfe\xff\0a\0b\0", 9, Text("ab", "utf-16-be", True)),
        (b"\x1b[31mred\x1b[0m", 12, Text("\x1b[31mred\x1b[0m", "utf-8", False)),
        (b"\x7fELF\x02\x01\x01\0", 8, None),
        (PNG, 28, None),
    ],
)
def test_texts(head: bytes, size: int, text: Text | None) -> None:
    assert previews.text(head, size) == text
