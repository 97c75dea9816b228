"""What a task printed, or the start task of a node: opened at its end, and followed from there."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.portal.files import reading
from batchite.portal.files.owners import FileOwner
from batchite.portal.files.reading import Piece
from batchite.portal.visit import Visit

ERRORS, OUTPUT = "stderr.txt", "stdout.txt"
NAMES = (ERRORS, OUTPUT)


@dataclass(frozen=True, slots=True)
class Printed:
    """The file `name` is open, of those of the owner in `directory`."""

    owner: FileOwner
    name: str
    directory: str = ""
    piece: Piece | None = None
    """None before anything has run"""

    @property
    def path(self) -> str:
        """Of the file, below the owner's place."""
        return _path(self.directory, self.name)


async def look(visit: Visit, owner: FileOwner, directory: str = "", *, has_begun: bool) -> Printed:
    """Errors, if it printed some, unless the URL asks for the other (`?file=`). Nothing is read before it has
    begun."""
    asked = visit.query("file")
    names = [asked] if asked in NAMES else [ERRORS, OUTPUT]
    if not has_begun:
        return Printed(owner, names[-1], directory)
    piece = Piece("")
    for name in names:
        piece = await reading.end_of(visit, owner.place, _path(directory, name))
        if piece.problem or piece.size:
            break
    return Printed(owner, name, directory, piece)


def _path(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
