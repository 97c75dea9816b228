"""Nodes are told what the image of their pool means when they are started."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
from tests.dispatch.support import ScriptedEngine, add_pool, dispatch_with, rows, running, until, until_stored

from batchite.engines.base import Lost
from batchite.engines.registry import Kind
from batchite.images.errors import ImageError
from batchite.link.spec import NodeImage
from batchite.resources.rules import PoolRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database

IMAGE = "canonical:ubuntuserver:16.04-lts:latest"


async def test_nodes_wait_for_an_image_that_is_not_there(database: Database) -> None:
    meanings = [ImageError("the image is not there; add it"), NodeImage(root="/trees/a")]
    asked: list[tuple[str, bool]] = []

    def node_image(image: str) -> NodeImage:
        asked.append((image, threading.current_thread() is threading.main_thread()))
        meaning = meanings.pop(0) if len(meanings) > 1 else meanings[0]
        if isinstance(meaning, ImageError):
            raise meaning
        return meaning

    await database.write(lambda c: add_pool(c, 1, rules=encode(PoolRules(image=IMAGE))))
    engines: list[ScriptedEngine] = []

    def make(_: Path, lost: Lost) -> ScriptedEngine:
        engines.append(ScriptedEngine(lost))
        return engines[-1]

    dispatch = dispatch_with(database, {"local": Kind(make)}, node_image=node_image)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda nodes: any(node.errors for node in nodes))
        (node,) = await rows(database, schema.nodes)
        (error,) = msgspec.json.decode(node.errors)
        assert "the image is not there; add it" in error["message"]
        await until(lambda: bool(engines[0].started))
    (spec,) = engines[0].started.values()
    assert spec.image == NodeImage(root="/trees/a")
    assert asked == [(IMAGE, False)] * 2
