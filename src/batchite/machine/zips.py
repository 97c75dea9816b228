"""Zip archives, which may be anybody's: read only once it is known that they are harmless.

What is taken is the plain zip of files, directories and symbolic links to what is in it. Names and links that
lead out of the place where it is unpacked, and sizes by which a small archive would fill a disk are refused,
each with a sentence that says how to make the archive otherwise. Whoever unpacks one reads it by the same
rules as whoever took it in.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from batchite.machine.zip_tree import FullError, Tree, TreeError, shown

MOST_ENTRIES: Final = 100_000
MOST_BYTES: Final = 64 << 30
"""Of all files of an archive together, unpacked."""
MOST_TIMES: Final = 100
"""as large as the archive may be what is in it, beyond `FREE_BYTES`"""
FREE_BYTES: Final = 256 << 20
MOST_DIRECTORY: Final = 32 << 20
"""Bytes of the list of what is in an archive."""
MOST_OF_LINKS: Final = 4 << 20
"""Bytes of what links lead to, together."""
LONGEST_NAME: Final = 255
LONGEST_PATH: Final = 1000
"""In bytes, as file systems count; also of what a link leads to."""
_CHUNK = 1 << 20
_ENTRY = b"PK\x01\x02"
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_UTF8, _UNIX = 0x800, 3
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DRIVE = re.compile(r"[A-Za-z]:")
_EXECUTABLE, _PLAIN = 0o755, 0o644
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the library raises for archives that are broken or made to break it."""


class ZipError(Exception):
    """The archive is refused; the text is a sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or symbolic link; `mode` are the permissions, without setuid and its like, readable
    for all, which a link has none of."""

    is_directory: bool
    is_link: bool
    mode: int
    size: int
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return _name(self.info)

    @property
    def names(self) -> tuple[str, ...]:
        return _split(self.name)


class Archive:
    """A harmless one, from a file that stays the caller's."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises ZipError, and OSError where the disk is at fault."""
        size = file.seek(0, os.SEEK_END)
        self._zip = _opened(file)
        self.entries = [entry for info in self._zip.infolist() if (entry := _entry(info)) is not None]
        """directories among them only where the archive has them as entries"""
        self.unpacked = sum(entry.size for entry in self.entries)
        """bytes of all files"""
        _check_size(self.unpacked, size)
        _check_links([entry for entry in self.entries if entry.is_link])
        self._check_tree()

    @property
    def files(self) -> int:
        """How many there are, with links."""
        return sum(not entry.is_directory for entry in self.entries)

    def content(self, entry: Entry) -> Iterator[bytes]:
        """Of a file, in pieces; never more than the entry says. Raises ZipError for what is damaged."""
        try:
            with self._zip.open(entry.info) as content:
                left = entry.size
                while left and (piece := content.read(min(left, _CHUNK))):
                    left -= len(piece)
                    yield piece
                if left or content.read(1):
                    raise zipfile.BadZipFile("it has another size than it says")
        except _UNREADABLE as error:
            raise _damaged(entry.info, error) from None

    def target(self, link: Entry) -> str:
        """What the link leads to, relative to the directory it lies in. Raises ZipError."""
        name = link.name
        try:
            found = b"".join(self.content(link)).decode()
        except UnicodeDecodeError:
            raise _refusal(name, "it is a symbolic link to what is no UTF-8", "Rename that") from None
        if not found:
            raise _refusal(name, "it is a symbolic link to nothing", "Leave it out")
        _check_text(name, "the path it links to", found)
        if _is_absolute(found):
            raise _refusal(name, "it is a symbolic link to an absolute path", "Make it a relative one")
        return found

    def _check_tree(self) -> None:
        tree = Tree(MOST_ENTRIES)
        try:
            for entry in self.entries:
                name, parts = entry.name, entry.names
                if entry.is_link:
                    tree.add_link(name, parts, self.target(entry))
                elif entry.is_directory:
                    tree.add_directory(name, parts)
                else:
                    tree.add_file(name, parts)
            tree.follow_links()
        except TreeError as error:
            raise _refusal(error.name, error.why, error.instead) from None
        except FullError:
            raise _too_many(
                f"its entries lie in so many directories that it has more than {MOST_ENTRIES}"
            ) from None

    def verify(self) -> None:
        """Read all of it. Raises ZipError."""
        for entry in self.entries:
            if not entry.is_directory:
                for _ in self.content(entry):
                    pass


class _Bounded:
    """A file of which nothing large is read at once, such as a list of entries that would fill the memory; a
    place before its beginning is the archive's fault, not the disk's."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell, self.close = file.tell, file.close

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and not 0 <= offset < 1 << 63:
            raise zipfile.BadZipFile(f"it points to byte {offset}")
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size > MOST_DIRECTORY:
            raise _too_many(f"its list of entries takes more than {MOST_DIRECTORY >> 20} MiB")
        content = self._file.read(size if size >= 0 else MOST_DIRECTORY)
        if size > _CHUNK and content.count(_ENTRY) > MOST_ENTRIES:
            raise _too_many(f"it has more than {MOST_ENTRIES} entries")
        return content


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        found = zipfile.ZipFile(_Bounded(file))
    except _UNREADABLE as error:
        why = str(error) or type(error).__name__
        raise ZipError(
            f"It is no zip archive that can be read: {why}. Give the file itself, a .zip."
        ) from None
    if len(found.infolist()) > MOST_ENTRIES:
        raise _too_many(f"it has {len(found.infolist())} entries")
    if not found.infolist():
        raise ZipError("There is nothing in the archive.")
    return found


def _too_many(what: str) -> ZipError:
    return ZipError(
        f"It has too much in it: {what}, and at most {MOST_ENTRIES} files and directories are taken. "
        "Put the files into a tar archive, and zip that."
    )


def _entry(info: zipfile.ZipInfo) -> Entry | None:
    """None for the directory itself. Raises ZipError."""
    name = _name(info)
    parts = _parts(name)
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise _refusal(name, "it is neither a file nor a directory nor a symbolic link", "Leave it out")
    if info.flag_bits & _ENCRYPTED:
        raise _refusal(name, "it is encrypted, and nodes know no password", "Zip it without one")
    if info.compress_type not in (_STORED, _DEFLATED):
        raise _refusal(
            name,
            f"its method of compression is number {info.compress_type}",
            "Use deflate, which all tools do",
        )
    is_link = kind == stat.S_IFLNK
    is_directory = kind == stat.S_IFDIR or name.endswith("/") or not parts
    if is_directory and (is_link or info.file_size):
        raise _refusal(name, "it is a directory with content", "Make the archive anew")
    if not parts:
        return None
    return Entry(is_directory, is_link, _mode(mode, is_directory=is_directory), info.file_size, info)


def _name(info: zipfile.ZipInfo) -> str:
    """Names that are not said to be UTF-8 are so nevertheless where Unix made the archive, as a rule."""
    if not info.flag_bits & _UTF8 and info.create_system == _UNIX:
        try:
            return info.orig_filename.encode("cp437").decode()
        except UnicodeError:
            pass
    return info.orig_filename


def _parts(name: str) -> tuple[str, ...]:
    tidy = "Zip the files by names relative to their directory"
    _check_text(name, "its name", name)
    if _is_absolute(name):
        raise _refusal(name, "its name is absolute", tidy)
    parts = _split(name)
    if ".." in parts:
        raise _refusal(name, "its name leads upwards", tidy)
    if len(name.encode(errors="replace")) > LONGEST_PATH or any(
        len(part.encode(errors="replace")) > LONGEST_NAME for part in parts
    ):
        raise _refusal(
            name,
            f"its name is longer than {LONGEST_PATH} bytes, or a part of it than {LONGEST_NAME}",
            "Rename it",
        )
    return parts


def _split(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", "."))


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None


def _check_text(name: str, what: str, path: str) -> None:
    if "\0" in path or not all(character.isprintable() or character == " " for character in path):
        raise _refusal(name, f"{what} has characters that cannot be printed", "Rename it")
    if "\\" in path:
        raise _refusal(
            name, f"{what} has a backslash", "Make the archive with a tool that separates names by /"
        )


def _mode(mode: int, *, is_directory: bool) -> int:
    """Where nothing is said (archives made on Windows), a file may be a program."""
    if is_directory or not stat.S_IMODE(mode):
        return _EXECUTABLE
    return _EXECUTABLE if mode & 0o111 else _PLAIN


def _check_links(links: Sequence[Entry]) -> None:
    for link in links:
        if link.size > LONGEST_PATH:
            why = f"it is a symbolic link to a path of more than {LONGEST_PATH} bytes"
            raise _refusal(link.name, why, "Rename what it links to")
    if sum(link.size for link in links) > MOST_OF_LINKS:
        raise _too_many(f"what its symbolic links lead to takes more than {MOST_OF_LINKS >> 20} MiB")


def _check_size(unpacked: int, size: int) -> None:
    most = min(max(size * MOST_TIMES, FREE_BYTES), MOST_BYTES)
    if unpacked > most:
        raise ZipError(
            f"It unpacks to {unpacked} bytes, and at most {most} are taken of an archive of {size} bytes: "
            f"{MOST_BYTES >> 30} GiB in all, and not more than {MOST_TIMES} times its own size where that is "
            f"more than {FREE_BYTES >> 20} MiB. Bring large data as resource files."
        )


def _refusal(name: str, why: str, instead: str) -> ZipError:
    return ZipError(f"It is refused because of its entry {shown(name)}: {why}. {instead}.")


def _damaged(info: zipfile.ZipInfo, error: Exception) -> ZipError:
    return _refusal(_name(info), f"it is damaged ({error})", "Make the archive anew")
