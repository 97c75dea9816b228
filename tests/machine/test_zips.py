"""Zip archives from anybody: what is taken, and what is refused with which sentence."""

import base64
import contextlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from batchite.machine import zips
from batchite.machine.zips import Archive, ZipError

LINK = stat.S_IFLNK | 0o777
Fill: TypeAlias = Callable[[zipfile.ZipFile], None]


def made(fill: Fill) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        fill(archive)
    return file


def named(*names: str) -> Fill:
    """Small files, and directories, of these names, as they are given."""

    def fill(archive: zipfile.ZipFile) -> None:
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, b"" if name.endswith("/") else b"content")

    return fill


def of_mode(mode: int, name: str = "one", content: bytes = b"/etc/passwd") -> Fill:
    def fill(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16 | 0x20  # that of an archive, as Windows has it
        archive.writestr(info, content)

    return fill


def linked(*names: str, **links: str | bytes) -> Fill:
    """Small files of these names, and links, of whose names `__` is the slash, to what is given."""

    def fill(archive: zipfile.ZipFile) -> None:
        named(*names)(archive)
        for name, target in links.items():
            of_mode(LINK, name.replace("__", "/"), target.encode() if isinstance(target, str) else target)(
                archive
            )

    return fill


def both(*fills: Fill) -> Fill:
    def fill(archive: zipfile.ZipFile) -> None:
        for each in fills:
            each(archive)

    return fill


def chain(length: int) -> Fill:
    """Links in a row, of which the last leads to a file."""
    return linked("l0", **{f"l{place + 1}": f"l{place}" for place in range(length)})


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("zeros", bytes(3 << 20), zipfile.ZIP_DEFLATED)


def lzma(archive: zipfile.ZipFile) -> None:
    archive.writestr("one", b"content", zipfile.ZIP_LZMA)


ZIP_Y = zlib.decompress(
    base64.b85decode(
        "c-jl_W@h1H0D*SNy4W+;{41G(Y!GGz;+)JRGZP>YfTD^434m1TC1vL6qbm95urHSn$Od6fn39tG{2V<!eXybWhga$q=i@e)1"
        "!6mzu|bTB9oT_vcBru+6<~wFgq|TpH4{{|?A+gAy&%kutXj`dSy3P4qT&p$0B=SnIcD5J00aLQGQa`^T?=}6K!5<lTSqlS=%"
        "8vr4<Cdrp2(qv&n6ZWo9f`<g{lKR#1IxOKn@X@He5jm0*pZXw(%TlKn8fTvVkPofY2VOf)S*O0RZGiVSW"
    )
)
"""`zip -qyrX9 made.zip .` of Info-ZIP 3.0 on Linux, in a directory with a library, links and a letter that is
not of ASCII."""


@pytest.fixture(scope="module")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zips")


HOSTILE: dict[str, tuple[Fill, str]] = {
    "upwards": (named("a/../../b"), "leads upwards"),
    "only upwards": (named(".."), "leads upwards"),
    "absolute": (named("/etc/passwd"), "is absolute"),
    "backslashes": (named("..\\..\\b"), "has a backslash"),
    "drive": (named("C:/b"), "is absolute"),
    "nul": (named("a\0b"), "cannot be printed"),
    "line feed": (named("a\nb"), "cannot be printed"),
    "long part": (named("a" * 256), "is longer than"),
    "long path": (named("/".join(["a" * 100] * 11)), "is longer than"),
    "twice": (named("a/b", "a//b"), "is there twice"),
    "twice by a dot": (named("a", "./a"), "is there twice"),
    "file and directory": (named("a", "a/b"), "is a file and a directory"),
    "link as a parent": (linked("a/b", c="a", c__d="a/b"), "'c' above it is a symbolic link"),
    "file below a link": (both(linked(c="a"), named("a", "c/d")), "'c' above it is a symbolic link"),
    "link at a directory's place": (linked("a/b", a="a"), "is a file and a directory"),
    "link at a directory's entry": (linked("a/", "b", a="b"), "is there twice"),
    "link at a file's place": (linked("a", "b", a="b"), "is there twice"),
    "two links of a name": (both(linked("a", l="a"), linked(l="a")), "is there twice"),
    "link with a slash": (of_mode(LINK, "a/", b"b"), "a directory with content"),
    "link for all of it": (of_mode(LINK, "./", b"a"), "a directory with content"),
    "absolute link": (of_mode(LINK), "symbolic link to an absolute path"),
    "link with a drive": (linked("a", l="C:/a"), "symbolic link to an absolute path"),
    "link upwards": (linked("a/b", a__l="../../etc"), "which leads out of the archive"),
    "link upwards and back": (linked("a", l="../top/a"), "which leads out of the archive"),
    "link upwards by another": (linked("a/b", a__up="..", l="a/up/../a/b"), "'a/up/../a/b', which leads out"),
    "link to a link upwards": (linked("a", l="m", m="../a"), "'m': .*which leads out of the archive"),
    "link to nothing": (linked("a", l=""), "symbolic link to nothing"),
    "dangling link": (linked("a", l="b"), "which leads to nothing that is in the archive"),
    "link by what is not there": (linked("a", l="b/../a"), "which leads to nothing that is in the archive"),
    "link by a file": (linked("a", "b", l="a/../b"), "which leads through a file"),
    "link to a file as a directory": (linked("a", l="a/"), "which leads through a file"),
    "link to itself": (linked("a", l="l"), "which leads back to itself"),
    "link to what is below itself": (linked("a", l="l/a"), "which leads back to itself"),
    "links in a circle": (linked("a", l="m", m="./l"), "which leads back to itself"),
    "long chain": (chain(41), "through more than 40 others"),
    "links in links": (linked("d/f", a="d", b="a/../" * 40 + "a"), "through more than 40 others"),
    "long link": (linked("a", l="./" * 2048 + "a"), "a path of more than 1000 bytes"),
    "link of other letters": (linked("a", l=b"\xff\xfe"), "to what is no UTF-8"),
    "link with nul": (linked("a", l="a\0b"), "the path it links to has characters that cannot be printed"),
    "link with a backslash": (linked("a", l=".\\a"), "the path it links to has a backslash"),
    "pipe": (of_mode(stat.S_IFIFO | 0o666), "neither a file nor a directory"),
    "device": (of_mode(stat.S_IFBLK | 0o666), "neither a file nor a directory"),
    "full directory": (of_mode(stat.S_IFDIR | 0o777, "a/"), "a directory with content"),
    "other compression": (lzma, "its method of compression is number 14"),
    "nothing": (lambda _: None, "There is nothing in the archive"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_with_a_reason(name: str) -> None:
    fill, reason = HOSTILE[name]
    with pytest.raises(ZipError, match=reason):
        Archive(made(fill))


def test_a_bomb_is_refused_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Archive(made(bomb)).unpacked == 3 << 20
    monkeypatch.setattr(zips, "FREE_BYTES", 1 << 20)
    with pytest.raises(ZipError, match="unpacks to 3145728 bytes, and at most 1048576 are taken"):
        Archive(made(bomb))
    monkeypatch.setattr(zips, "MOST_BYTES", 1000)
    with pytest.raises(ZipError, match="at most 1000 are taken"):
        Archive(made(bomb))


def test_what_is_encrypted_is_refused() -> None:
    content = bytearray(made(named("a")).getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    with pytest.raises(ZipError, match="is encrypted"):
        Archive(io.BytesIO(content))


def test_what_is_no_zip_is_refused() -> None:
    for content in (b"", b"C:\\packages\\blender.zip", os.urandom(5000), made(named("a")).getvalue()[:-30]):
        with pytest.raises(ZipError, match="no zip archive that can be read"):
            Archive(io.BytesIO(content))


def test_what_is_damaged_is_found_by_reading_it() -> None:
    content = bytearray(made(named("a", "b")).getvalue())
    content[content.index(b"content")] ^= 1
    archive = Archive(io.BytesIO(content))
    with pytest.raises(ZipError, match="entry 'a': it is damaged"):
        archive.verify()


PLAIN = made(named("a", "b")).getvalue()
LINKED = made(linked("a", "b", l="a")).getvalue()


@given(changes=st.dictionaries(st.integers(0, len(LINKED) - 1), st.integers(0, 255), min_size=1, max_size=3))
def test_no_archive_breaks_what_reads_it(shared_tmp: Path, changes: dict[int, int]) -> None:
    """From a real file, whose system calls refuse what the archive makes of them."""
    content = bytearray(LINKED)
    for place, byte in changes.items():
        content[place] = byte
    file = shared_tmp / "changed.zip"
    file.write_bytes(content)
    with file.open("rb") as opened, contextlib.suppress(ZipError):
        Archive(opened).verify()


@pytest.mark.parametrize("too_late", [200, 0x7F00])
def test_an_archive_that_points_before_its_beginning_is_damaged(tmp_path: Path, too_late: int) -> None:
    """As one does whose list of entries is said to start later than it does."""
    content = bytearray(PLAIN)
    at = slice(start := content.index(b"PK\x05\x06") + 16, start + 4)
    content[at] = (int.from_bytes(content[at], "little") + too_late).to_bytes(4, "little")
    file = tmp_path / "before.zip"
    file.write_bytes(content)
    with file.open("rb") as opened, pytest.raises(ZipError, match=f"'a': .*points to byte -{too_late}"):
        Archive(opened).verify()


def test_an_entry_gives_no_more_than_it_says() -> None:
    """Its size is what was counted against the limits."""
    content = bytearray(made(lambda archive: archive.writestr("a", b"x" * 1000)).getvalue())
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")
    archive = Archive(io.BytesIO(content))
    pieces = []
    with pytest.raises(ZipError, match="is damaged"):
        pieces.extend(archive.content(archive.entries[0]))
    assert len(b"".join(pieces)) <= 10


def test_too_many_entries_are_refused_before_they_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_ENTRIES", 3)
    assert Archive(made(named("a", "b", "c"))).files == 3
    with pytest.raises(ZipError, match="it has 4 entries"):
        Archive(made(named("a", "b", "c", "d")))
    monkeypatch.setattr(zips, "_CHUNK", 10)
    with pytest.raises(ZipError, match="it has more than 3 entries, and at most 3"):
        Archive(made(named("a", "b", "c", "d")))
    monkeypatch.setattr(zips, "MOST_DIRECTORY", 100)
    with pytest.raises(ZipError, match="its list of entries takes more than"):
        Archive(made(named("a", "b", "c", "d")))


def test_directories_on_the_way_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few names could have many, and take as much memory, and disk."""
    monkeypatch.setattr(zips, "MOST_ENTRIES", 5)
    assert Archive(made(named("a/b/c", "a/d/e", "a/"))).files == 2
    with pytest.raises(ZipError, match="in so many directories that it has more than 5, and at most 5 files"):
        Archive(made(named("a/b/c", "a/d/e/f")))


def test_links_take_no_more_memory_than_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_OF_LINKS", 7)
    assert Archive(made(linked("aa", "b", l="aa", m="./b"))).files == 4
    with pytest.raises(ZipError, match="what its symbolic links lead to takes more than"):
        Archive(made(linked("aa", "b", l="./aa", m=".//b")))


def targets(archive: Archive) -> dict[str, str]:
    return {entry.name: archive.target(entry) for entry in archive.entries if entry.is_link}


def test_links_to_what_is_there_are_taken() -> None:
    links = {
        "l": "a/f",
        "a__up": "..",
        "a__b__l": "../../l",
        "self": ".",
        "m": "a/up/a/./b/../b//l",
        "n": "a/",
    }
    archive = Archive(made(linked("a/f", "a/b/", **links)))
    assert targets(archive) == {name.replace("__", "/"): target for name, target in links.items()}
    assert archive.files == 7, "the links, and one file"
    archive.verify()
    assert len(targets(Archive(made(chain(40))))) == 40


def test_what_zip_makes_with_its_option_y_is_taken_with_all_letters() -> None:
    archive = Archive(io.BytesIO(ZIP_Y))
    assert targets(archive) == {"lib64": "lib", ".bin/tool": "../lib64/é.so", "lib/é.so": "é.so.1"}
    assert [(entry.name, entry.mode) for entry in archive.entries if entry.size == 10] == [
        ("lib/é.so.1", 0o755)
    ]


def test_what_python_makes_of_a_tree_with_links_is_taken(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "lib").mkdir(parents=True)
    (tree / "lib/a.so.1").write_text("code")
    (tree / "lib/a.so").symlink_to("a.so.1")
    (tree / "lib64").symlink_to("lib")
    with open(shutil.make_archive(str(tmp_path / "made"), "zip", tree), "rb") as file:
        archive = Archive(file)
        files = {entry.name: b"".join(archive.content(entry)) for entry in archive.entries if entry.size}
    assert files == {"lib/a.so.1": b"code", "lib/a.so": b"code"}


PLACES = ("a", "b", "d", "d/a", "d/b", "d/e", "d/e/a")
steps_of_links = st.lists(st.sampled_from(["a", "b", "d", "e", "..", "."]), min_size=1, max_size=5)


@settings(max_examples=20)
@given(
    files=st.sets(st.sampled_from(PLACES)),
    links=st.dictionaries(st.sampled_from(PLACES), steps_of_links.map("/".join), min_size=1),
)
def test_links_lead_where_the_system_says_that_they_lead(
    shared_tmp: Path, files: set[str], links: dict[str, str]
) -> None:
    """An archive is taken if all its links are good in a tree that has nothing else."""
    with tempfile.TemporaryDirectory(dir=shared_tmp) as top:
        tree = Path(top, "t" * 20)
        tree.mkdir()
        try:
            for name in sorted(files):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text("")
            for name, target in sorted(links.items(), reverse=True):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).symlink_to(target)
        except OSError:  # a file, or a link, has the place of another or of a directory
            reject()
        assume(all(not parent.is_symlink() for name in links for parent in list((tree / name).parents)[:-1]))
        assume(all(not parent.is_symlink() for name in files for parent in list((tree / name).parents)[:-1]))
        within = [(tree / name).exists() and (tree / name).resolve().is_relative_to(tree) for name in links]
        expected = all(within)
    archive = made(both(named(*sorted(files)), linked(**{k.replace("/", "__"): v for k, v in links.items()})))
    try:
        found = targets(Archive(archive)) == links
    except ZipError:
        found = False
    assert found == expected


def test_modes_are_kept_without_setuid() -> None:
    def fill(archive: zipfile.ZipFile) -> None:
        for name, mode in {"program": 0o104750, "text": 0o100600, "unsaid": 0, "open": 0o100666}.items():
            of_mode(mode, name)(archive)
        archive.mkdir("directory", 0o700)

    archive = Archive(made(fill))
    modes = {"/".join(entry.names): entry.mode for entry in archive.entries}
    assert modes == {"program": 0o755, "text": 0o644, "unsaid": 0o755, "open": 0o644, "directory": 0o755}
    assert archive.files == 4
    archive.verify()
