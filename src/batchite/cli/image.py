"""`batchite image`: root file systems for nodes, and what images of pools mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.grammar import Words
from batchite.configuration.images import HOST, PATTERNS, ImageRule
from batchite.configuration.settings import Settings

SETTINGS_USED = ("data_dir", "config")


def command() -> click.Group:
    """`image`, and what is below it."""
    name = click.Argument(["name"])
    tar = click.Option(
        ["--from-tar"],
        metavar="FILE",
        help="A tar of all of it, as docker export writes; - reads it from the input.",
    )
    suite = click.Option(
        ["--debootstrap"], metavar="SUITE", help="A suite of Debian or a relative, such as bookworm."
    )
    mirror = click.Option(
        ["--mirror"], metavar="URL", default="", help="Where the suite comes from, if not from its own place."
    )
    add = options.command(
        "add",
        _add,
        help="Add a root file system for nodes to have instead of this machine's; takes the rights of root.",
        settings=SETTINGS_USED,
        more=[name, tar, suite, mirror, grammar.json_option()],
    )
    list_ = options.command(
        "list",
        _list,
        help="List the root file systems, and what the images of pools mean.",
        settings=SETTINGS_USED,
        more=[grammar.json_option()],
    )
    delete = options.command(
        "delete",
        _delete,
        help="Delete a root file system that no node has.",
        settings=SETTINGS_USED,
        more=[click.Argument(["name"]), grammar.json_option()],
    )
    return Words("image", [add, list_, delete], help="Root file systems for nodes, and what images mean.")


def _add(
    settings: Settings, name: str, from_tar: str | None, debootstrap: str | None, mirror: str, as_json: bool
) -> None:
    from batchite.images import bootstrapping, roots, unpacking
    from batchite.images.errors import ImageError

    if (from_tar is None) == (debootstrap is None):
        exits.fail("say what it is made of: --from-tar FILE or --debootstrap SUITE", exits.USAGE)
    try:
        if from_tar is not None:
            with _opened(from_tar) as archive:
                made = roots.add(
                    settings.data_dir, name, from_tar, lambda tree: unpacking.unpack(archive, tree)
                )
        else:
            suite = debootstrap or ""
            bootstrapping.check(suite, mirror)
            made = roots.add(
                settings.data_dir, name, suite, lambda tree: bootstrapping.bootstrap(suite, mirror, tree)
            )
    except ImageError as error:
        exits.fail(str(error))
    if as_json:
        printing.print_json(_root(made))
    else:
        system = made.system or "unknown system"
        click.echo(f"{made.name}: {system}, {made.files} files, {made.bytes / 1e6:.0f} MB")


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        exits.fail(f"--from-tar {name}: cannot be read: {error.strerror}")


def _delete(settings: Settings, name: str, as_json: bool) -> None:
    from batchite.images import roots
    from batchite.images.errors import ImageError

    try:
        roots.delete(settings.data_dir, name)
    except ImageError as error:
        exits.fail(str(error))
    if as_json:
        printing.print_json({"deleted": name})


def _list(settings: Settings, as_json: bool) -> None:
    from batchite.images import roots

    try:
        added = roots.listed(settings.data_dir)
    except OSError as error:
        exits.fail(f"the images in {settings.data_dir} cannot be read: {error.strerror}")
    meanings = [*_meanings(settings.images, {root.name for root in added})]
    if as_json:
        printing.print_json({"rootFileSystems": [_root(root) for root in added], "images": meanings})
        return
    if added:
        rows = [[root.name, root.system, root.source, root.files, root.bytes] for root in added]
        printing.print_table(["root", "system", "made of", "files", "bytes"], rows)
        click.echo()
    printing.print_table(
        ["images", "root", "layer", "what it is"],
        [[one["images"], one["root"], one["layer"] or None, one["about"]] for one in meanings],
    )


def _meanings(rules: Sequence[ImageRule], added: set[str]) -> Iterator[dict[str, Any]]:
    """What counts first comes first: the operator's rules, then the layers, then all other images."""
    from batchite.images.layer import layers

    for rule in rules:
        images = " ".join(f"{name}={getattr(rule, name)}" for name in PATTERNS if getattr(rule, name) != "*")
        layer = "as below" if rule.layer is None else rule.layer
        yield _meaning(
            images or "all", "as below" if rule.root is None else rule.root, layer, "of the config file"
        )
    for name, one in layers().items():
        root = one.root if one.root in added else HOST
        yield _meaning(", ".join(one.node_agents), root, name, one.about)
    yield _meaning("all others", HOST, "", "This machine as it is")


def _meaning(images: str, root: str, layer: str, about: str) -> dict[str, Any]:
    return {"images": images, "root": root, "layer": layer, "about": about}


def _root(root: Any) -> dict[str, Any]:
    return {name: getattr(root, name) for name in ("name", "system", "source", "files", "bytes")}
