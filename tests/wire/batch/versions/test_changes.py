"""Each kind of change, tried on models of the protocol with two made-up older versions."""

from __future__ import annotations

from typing import Any

import pytest

from batchite.wire.batch.errors import BatchError, PropertyError, invalid_property, missing_property
from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.jobs import BatchJob, BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions, PoolShape, ResizeError
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.tasks import BatchTask, BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.batch.models.users import LinuxUserConfiguration, UserAccount
from batchite.wire.batch.versions.changes import (
    Change,
    Converted,
    Default,
    Gone,
    Moved,
    New,
    Renamed,
    Required,
    Shown,
    Valued,
)
from batchite.wire.batch.versions.registry import Registry, Version

OLDEST, OLDER, NEWEST = "2001-01-01.1.0", "2002-01-01.2.0", "2003-01-01"


def speaking(*oldest: Change, older: tuple[Change, ...] = ()) -> Version:
    return Registry(NEWEST, {OLDEST: oldest, OLDER: older}).resolve(OLDEST)


def lifted(version: Version, model: type, body: Any) -> Any:
    version.lift(model, body)
    return body


def lowered(version: Version, model: type, body: Any) -> Any:
    version.lower(model, body)
    return body


def refusal(version: Version, model: type, body: Any) -> PropertyError:
    with pytest.raises(PropertyError) as caught:
        version.lift(model, body)
    return caught.value


URL = speaking(Renamed(ResourceFile, blobSource="httpUrl"))


def test_the_newest_is_the_identity() -> None:
    newest = Registry(NEWEST, {OLDER: (Renamed(ResourceFile, blobSource="httpUrl"),)}).resolve(NEWEST)
    assert newest.is_newest
    assert lifted(newest, ResourceFile, {"httpUrl": "u"}) == {"httpUrl": "u"}
    assert lowered(newest, ResourceFile, {"httpUrl": "u"}) == {"httpUrl": "u"}


def test_a_model_is_found_wherever_it_lies() -> None:
    task = {"id": "t", "commandLine": "c", "resourceFiles": [{"blobSource": "a"}, {"blobSource": "b"}]}
    lifted(URL, BatchTaskGroup, group := {"value": [task]})
    assert group["value"][0]["resourceFiles"] == [{"httpUrl": "a"}, {"httpUrl": "b"}]
    pool = {"id": "p", "startTask": {"commandLine": "c", "resourceFiles": ({"httpUrl": "a"},)}}
    assert lowered(URL, BatchPool, pool)["startTask"]["resourceFiles"] == ({"blobSource": "a"},)


def test_a_change_of_a_shape_holds_for_all_models_made_of_it_and_for_no_other() -> None:
    version = speaking(Renamed(CommandShape, cmd="commandLine"))
    assert lifted(version, BatchStartTask, {"cmd": "c"}) == {"commandLine": "c"}
    assert lifted(version, BatchTaskCreateOptions, {"cmd": "c"}) == {"commandLine": "c"}
    assert version.names(BatchJob) == Registry(NEWEST).newest.names(BatchJob)


def test_a_change_of_several_models_holds_for_each() -> None:
    version = speaking(New((BatchTask, BatchJob), "url"))
    assert [lowered(version, model, {"url": "u"}) for model in (BatchTask, BatchJob, BatchPool)] == [
        {}, {}, {"url": "u"},
    ]  # fmt: skip


def test_steps_are_gone_one_by_one_and_back() -> None:
    version = speaking(
        Renamed(BatchTaskCreateOptions, cmd="command"),
        older=(Renamed(BatchTaskCreateOptions, command="commandLine"),),
    )
    assert lifted(version, BatchTaskCreateOptions, {"cmd": "x"}) == {"commandLine": "x"}
    assert lowered(version, BatchTaskCreateOptions, {"commandLine": "x"}) == {"cmd": "x"}
    assert "cmd" in version.names(BatchTaskCreateOptions)
    assert not {"command", "commandLine"} & version.names(BatchTaskCreateOptions)
    said = version.respelled(missing_property("commandLine"), BatchTaskCreateOptions)
    assert said.name == "cmd"


def test_what_is_new_is_not_known_to_older_versions() -> None:
    version = speaking(New(PoolShape, "taskSlotsPerNode"))
    assert lowered(version, BatchPool, {"id": "p", "taskSlotsPerNode": 2}) == {"id": "p"}
    error = refusal(version, BatchPoolCreateOptions, {"id": "p", "taskSlotsPerNode": 2})
    assert (error.code, error.name) == ("InvalidRequestBody", "taskSlotsPerNode")
    assert "no property of this name is known here" in error.message


def test_names_that_nobody_knows_come_with_a_hint_in_the_words_of_the_version() -> None:
    error = refusal(URL, BatchTaskGroup, {"value": [{"resourceFiles": [{}, {"blobsource": "a"}]}]})
    assert error.name == "value[0].resourceFiles[1].blobsource"
    assert "Did you mean blobSource?" in error.message


def test_annotations_are_passed_over() -> None:
    body = {"odata.metadata": "m", "httpUrl@odata.type": "t", "blobSource": "a"}
    assert lifted(URL, ResourceFile, body)["httpUrl"] == "a"


@pytest.mark.parametrize("body", [None, 1, "text", [], [1], {"resourceFiles": 1}, {"resourceFiles": [None]}])
def test_what_has_not_the_form_of_a_model_is_left_to_be_refused_as_such(body: Any) -> None:
    URL.lift(BatchTaskCreateOptions, body)


def test_what_is_gone_is_refused_or_has_no_effect() -> None:
    version = speaking(
        Gone(PoolShape, "certificates", "refused", "there are none here", False),
        Gone(PoolShape, "tags", "accepted", "has no effect"),
    )
    assert lifted(version, BatchPoolCreateOptions, {"certificates": [], "tags": {"a": "b"}}) == {}
    assert lifted(version, BatchPoolCreateOptions, {"certificates": False}) == {}
    assert lifted(version, BatchPoolCreateOptions, {"certificates": None, "tags": None}) == {}
    error = refusal(version, BatchPoolCreateOptions, {"certificates": ["c"]})
    assert (error.code, error.name) == ("UnsupportedProperty", "certificates")
    assert "there are none here." in error.message
    assert {"certificates", "tags"} < version.names(BatchPool)
    assert lowered(version, BatchPool, {"id": "p"}) == {"id": "p"}


def test_what_answers_showed_once_is_shown() -> None:
    version = speaking(Shown(BatchPool, checked="yes"))
    assert lowered(version, BatchPool, {"id": "p"}) == {"id": "p", "checked": "yes"}
    assert "checked" in version.names(BatchPool)


def test_converted_values() -> None:
    version = speaking(
        Converted(
            CommandShape,
            "elevated",
            "userIdentity",
            lift=lambda old: {"is": old},
            lower=lambda new: new.get("is"),
        )
    )
    assert lifted(version, BatchStartTask, {"elevated": True}) == {"userIdentity": {"is": True}}
    assert lifted(version, BatchStartTask, {"elevated": None}) == {}
    assert lowered(version, BatchStartTask, {"userIdentity": {"is": False}}) == {"elevated": False}
    assert lowered(version, BatchStartTask, {"userIdentity": {}}) == {}
    assert lowered(version, BatchStartTask, {}) == {}
    error = invalid_property("startTask.userIdentity.autoUser.scope", 1, "is odd")
    assert version.respelled(error, BatchPoolCreateOptions).name == "startTask.elevated"


def test_moved_values() -> None:
    version = speaking(
        Moved(
            UserAccount,
            key="linuxUserConfiguration.sshPrivateKey",
            user="linuxUserConfiguration.uid",
        )
    )
    inner = {"sshPrivateKey": "k", "uid": 1}
    assert lifted(version, UserAccount, {"key": "k", "user": 1}) == {"linuxUserConfiguration": inner}
    assert lifted(version, UserAccount, {"name": "n"}) == {"name": "n"}
    assert lowered(version, UserAccount, {"linuxUserConfiguration": {**inner, "gid": 2}}) == {
        "key": "k",
        "user": 1,
    }
    assert lowered(version, UserAccount, {"name": "n"}) == {"name": "n"}
    assert version.names(UserAccount) >= {"key", "user"}
    assert "linuxUserConfiguration" not in version.names(UserAccount)
    error = invalid_property("userAccounts[1].linuxUserConfiguration.uid", 1, "is odd")
    assert version.respelled(error, BatchPoolCreateOptions).name == "userAccounts[1].user"


def test_a_moved_value_may_have_changed_where_it_lies() -> None:
    version = speaking(
        Moved(UserAccount, key="linuxUserConfiguration.secret"),
        older=(Renamed(LinuxUserConfiguration, secret="sshPrivateKey"),),
    )
    newest = {"linuxUserConfiguration": {"sshPrivateKey": "k"}}
    assert lifted(version, UserAccount, {"key": "k"}) == newest
    assert lowered(version, UserAccount, newest) == {"key": "k"}
    error = missing_property("linuxUserConfiguration.sshPrivateKey")
    assert version.respelled(error, UserAccount).name == "key"


def test_defaults_of_requests() -> None:
    version = speaking(Default(BatchStartTask, waitForSuccess=False))
    assert lifted(version, BatchStartTask, {}) == {"waitForSuccess": False}
    assert lifted(version, BatchStartTask, {"waitForSuccess": None}) == {"waitForSuccess": False}
    assert lifted(version, BatchStartTask, {"waitForSuccess": True}) == {"waitForSuccess": True}


def test_what_was_required_once() -> None:
    version = speaking(Required(ResourceFile, "blobSource"), Renamed(ResourceFile, blobSource="httpUrl"))
    body = {"startTask": {"resourceFiles": [{"blobSource": "a"}, {"filePath": "f"}]}}
    error = refusal(version, BatchPoolCreateOptions, body)
    assert (error.code, error.name) == ("MissingRequiredProperty", "startTask.resourceFiles[1].blobSource")


def test_other_words_for_values() -> None:
    version = speaking(Valued(ResizeError, "code", Full="AccountCoreQuotaReached"))
    assert lifted(version, ResizeError, {"code": "full"}) == {"code": "AccountCoreQuotaReached"}
    assert lifted(version, ResizeError, {"code": 7}) == {"code": 7}
    assert lowered(version, ResizeError, {"code": "accountcorequotareached"}) == {"code": "Full"}
    assert lowered(version, ResizeError, {"code": "Other"}) == {"code": "Other"}


def test_paths_of_lists_are_those_of_the_version() -> None:
    version = speaking(
        Renamed(BatchTask, run="executionInfo"), New(BatchTask, "state"), Renamed(BatchJob, run="state")
    )
    assert version.paths(BatchTask, ["id", "state", "executionInfo/exitCode", "lastModifiedTime"]) == {
        "id": "id",
        "run/exitCode": "executionInfo/exitCode",
        "lastModifiedTime": "lastModifiedTime",
    }


def test_refusals_speak_as_the_version_does() -> None:
    error = invalid_property("resourceFiles[2].httpUrl", "httpUrl", "must not be given beside httpUrl")
    said = URL.respelled(error, BatchTaskCreateOptions)
    assert dict(said.values) == {
        "PropertyName": "resourceFiles[2].blobSource",
        "PropertyValue": '"httpUrl"',
        "Reason": "it must not be given beside blobSource",
    }
    assert said.message.endswith(
        'resourceFiles[2].blobSource is "httpUrl": it must not be given beside blobSource.'
    )
    elsewhere = invalid_property("poolInfo.poolId", "p", "is odd")
    assert URL.respelled(elsewhere, BatchJobCreateOptions).name == "poolInfo.poolId"
    absent = missing_property("resourceFiles[0].nothing")
    assert URL.respelled(absent, BatchTaskCreateOptions).name == "resourceFiles[0].nothing"
    new = speaking(New(PoolShape, "taskSlotsPerNode")).respelled(
        missing_property("taskSlotsPerNode"), BatchPoolCreateOptions
    )
    assert isinstance(new, BatchError)
    assert new.name == "taskSlotsPerNode"
