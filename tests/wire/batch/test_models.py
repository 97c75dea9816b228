"""All models: names, defaults, and agreement with the official client's."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import azure.batch.models as sdk
import pytest

from batchite.wire.batch import codec, models
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.versions import REGISTRY


def all_models() -> Iterator[type[Model]]:
    """Those of the protocol; the shapes that some of them have in common are none."""
    for info in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{info.name}")
        for value in vars(module).values():
            is_model = isinstance(value, type) and issubclass(value, Model)
            if is_model and not value.__subclasses__() and value.__module__ == module.__name__:
                yield value


MODELS = sorted(all_models(), key=lambda one: one.__name__)


WRITABLE = {
    "BatchJobReplaceOptions": "BatchJob",
    "BatchJobScheduleReplaceOptions": "BatchJobSchedule",
    "BatchTaskReplaceOptions": "BatchTask",
}
"""Models of requests for which the client takes what is not read-only of another model."""


OLDER = {
    "NodeAgentSku": {"id", "verifiedImageReferences", "osType"},
    "BatchCertificateReference": {
        "thumbprint",
        "thumbprintAlgorithm",
        "storeLocation",
        "storeName",
        "visibility",
    },
    "BatchCertificate": {
        "thumbprint",
        "thumbprintAlgorithm",
        "url",
        "state",
        "stateTransitionTime",
        "previousState",
        "previousStateTransitionTime",
        "publicData",
        "deleteCertificateError",
    },
    "BatchCertificateCreateOptions": {
        "thumbprint",
        "thumbprintAlgorithm",
        "data",
        "certificateFormat",
        "password",
    },
    "BatchCertificateDeleteError": {"code", "message", "values"},
    "AuthenticationTokenSettings": {"access"},
    "OSDisk": {"caching"},
    "PoolUpgradeOSParameter": {"targetOSVersion"},
}
"""Models that the newest client has no more."""


def properties_of_the_client(name: str) -> set[str]:
    if name in OLDER:
        return OLDER[name]
    instance = getattr(sdk._models, WRITABLE.get(name, name))({})
    fields = instance._attr_to_rest_field.values()
    return {field._rest_name for field in fields if name not in WRITABLE or field._visibility != ["read"]}


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_a_model_has_the_properties_of_the_client(model: type[Model]) -> None:
    assert REGISTRY.newest.names(model) == properties_of_the_client(model.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_unknown_properties_are_refused_everywhere(model: type[Model]) -> None:
    with pytest.raises(BatchError) as caught:
        codec.decode(b'{"thisIsNoProperty":1}', model)
    assert caught.value.code == "InvalidRequestBody"
