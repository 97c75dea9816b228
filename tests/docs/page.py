"""A page of the docs as what can be tried: its blocks of code, and what they are said to print."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

END = "\0"


class Block(NamedTuple):
    section: str
    """the last heading of the second level"""
    language: str
    text: str
    shown: str | None
    """what a block of text right after it says that it prints"""


def blocks(path: Path) -> Iterator[Block]:
    tokens = MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8"))
    section = ""
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and token.tag == "h2" and following is not None:
            section = following.content
        elif token.type == "fence" and token.info != "text":
            shows = following is not None and following.type == "fence" and following.info == "text"
            yield Block(section, token.info, token.content, following.content if shows else None)


def printed(commands: Sequence[str], directory: Path, variables: Mapping[str, str]) -> list[str]:
    """What each of the commands prints, all in one shell, as somebody types them. None may fail."""
    script = "".join(f"{command}\nprintf '\\0'\n" for command in commands)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    *parts, rest = done.stdout.split(END)
    assert done.returncode == 0, f"{commands[len(parts)]}\nprinted:\n{rest}\n{done.stderr}"
    return parts
