"""What a node says of directories of tasks when it has many."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.nodes.peer import DEADLINE

from batchite.link.messages import MOST_KEPT, FilesKept, FromAgent
from batchite.nodes.kept_files import KeptFiles
from batchite.nodes.sandbox.tree import Tree


async def test_many_are_told_portion_by_portion(tmp_path: Path) -> None:
    for number in range(MOST_KEPT + 2):
        (tmp_path / "workitems" / "job" / "job-1" / f"t{number}").mkdir(parents=True)
    said: asyncio.Queue[FromAgent] = asyncio.Queue()
    tree = Tree(str(tmp_path))
    kept = KeptFiles(tree, lambda: {("job", "job-1", "t7")}, said.put_nowait)
    kept.tell()
    kept.tell()  # comes again before it has looked
    portions = [await asyncio.wait_for(said.get(), DEADLINE) for _ in range(2)]
    await kept.close()
    tree.close()
    assert said.empty()
    found = [one.directories for one in portions if isinstance(one, FilesKept)]
    assert [len(each) for each in found] == [MOST_KEPT, 1]
    names = {name for each in found for *_, name in each}
    assert names == {f"t{number}" for number in range(MOST_KEPT + 2)} - {"t7"}
