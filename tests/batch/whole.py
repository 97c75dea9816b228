"""Bodies that say everything, and what is shown of them: of every kind of thing, in every version."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from azure.batch._utils.model_base import Model as OfficialModel

from batchite.wire.batch import codec, honoured
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.versions import REGISTRY

SECRET: Final = "hidden-word"
_SECRETS = ("password", "sshPrivateKey", "protectedSettings")


def without_secrets(value: Any) -> Any:
    """As the service shows it."""
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if isinstance(value, dict):
        return {name: without_secrets(item) for name, item in value.items() if name not in _SECRETS}
    return value


def unsaid(model: type[Model], body: Any, where: str = "") -> set[str]:
    """The properties, however deep, that a body leaves out although they are not refused."""
    entries = honoured.of_model(model)
    found = set()
    for one in shapes.properties(model):
        name, entry = where + one.name, entries.get(one.name)
        if (entry is not None and entry.treatment == "refused") or one.name not in REGISTRY.newest.names(
            model
        ):
            continue
        values = [item.get(one.name) for item in body]
        values = [value for value in values if value is not None]
        if not values:
            found.add(name)
        elif one.model is not None:
            items = [item for value in values for item in (value if one.is_list else [value])]
            found |= unsaid(one.model, items, f"{name}.") if items else set()
    return found


def for_the_client(value: Any) -> Any:
    """A body as the official client can carry it: it knows `settings` of texts only, and sends no
    `exactVersion`."""
    if isinstance(value, list):
        return [for_the_client(item) for item in value]
    if not isinstance(value, dict):
        return value
    carried = {name: for_the_client(item) for name, item in value.items() if name != "exactVersion"}
    return {**carried, **({"settings": {"text": "t"}} if "settings" in value else {})}


def lowered(model: type[Model], body: dict[str, Any], version: str) -> dict[str, Any]:
    """A body of the newest version as this one writes it."""
    older = copy.deepcopy(body)
    REGISTRY.resolve(version).lower(model, older)
    return older


def check_shape(model: type[Model], shown: dict[str, Any], version: str) -> None:
    """That an answer has what its version knows of the model and nothing else, however deep, each of its
    type, and nothing is missing that is always there."""
    spoken, body = REGISTRY.resolve(version), copy.deepcopy(shown)
    body.pop("odata.metadata", None)
    spoken.lift(model, body)
    assert codec.parse(codec.encode(codec.convert(body, model))) == body


def check_known(model: type[OfficialModel], shown: dict[str, Any]) -> None:
    """That the official client makes its model of an answer, knows all of it and gives it back unchanged."""
    body = {name: value for name, value in shown.items() if name != "odata.metadata"}
    read = model(copy.deepcopy(body))
    assert list(unknown(read)) == []
    assert read.as_dict() == body


_FREE = ("settings",)
"""Properties that hold any JSON."""


def unknown(read: OfficialModel, where: str = "") -> Iterator[str]:
    """What the official client's model was given and does not know, however deep."""
    fields = {field._rest_name: name for name, field in read._attr_to_rest_field.items()}
    for name in read:
        if name not in fields:
            yield where + name
            continue
        value = getattr(read, fields[name])
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, OfficialModel):
                yield from unknown(item, f"{where}{name}.")
            elif isinstance(item, dict) and name not in _FREE:
                yield where + name
