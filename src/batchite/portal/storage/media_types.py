"""Media types of files by the ends of their names: the same on every machine."""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"
_OURS = {
    ".md": "text/markdown",
    ".log": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".parquet": "application/vnd.apache.parquet",
    ".webp": "image/webp",
    ".gz": "application/gzip",
    ".zst": "application/zstd",
}
_known = mimetypes.MimeTypes(filenames=())


def guess(name: str, said: str = "") -> str:
    """`said` is what the browser takes it for, where we do not know."""
    lower = name.lower()
    end = lower[lower.rfind(".") :] if "." in lower else ""
    found = _OURS.get(end) or _known.guess_type(f"x{end}", strict=True)[0]
    is_sane = said.isascii() and said.isprintable() and "/" in said and len(said) <= 100
    return found or (said if is_sane else UNKNOWN)
