"""Which storage a data directory uses, and that it is the one it has used so far.

Numbers of contents are only unique within one data directory, so two of them must never share a
store: the first one signs it, by an object that is only ever created.
"""

from __future__ import annotations

import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from batchite.blobs.content.base import Storage
from batchite.blobs.content.files import Files
from batchite.machine import extras
from batchite.machine.extras import MissingPackageError

if TYPE_CHECKING:
    from obstore.store import BackoffConfig, ClientConfig, ObjectStore, RetryConfig

DIRECTORY = "blobs"
RECORD_FILE = "content.json"
OWNER_OBJECT = "owner"
RETRY_SECONDS = 20
"""How long requests to an object store are repeated before the client is told."""
OPENING_SECONDS = 8
"""The same for the first requests, before the service is ready."""
REQUEST_SECONDS = 60
"""For one request, into which a part of a content has to fit."""
_LONGEST_PAUSE_SECONDS = 2


class WrongStorageError(Exception):
    """The storage cannot be used; the text says why and what to do."""


class _Record(msgspec.Struct, frozen=True):
    """What a data directory with an object store remembers."""

    url: str
    owner: str


def recorded_url(data_dir: Path) -> str:
    """Of the object store that a data directory uses; "" if it uses none. Raises WrongStorageError."""
    record = _read(data_dir / RECORD_FILE)
    return record.url if record is not None else ""


def open_storage(url: str, data_dir: Path) -> Storage:
    """Files below the data directory if `url` is empty, else the object store. Blocks.

    Raises WrongStorageError.
    """
    record = _read(data_dir / RECORD_FILE)
    if record is not None and record.url != url:
        raise WrongStorageError(
            f"The blobs of {data_dir} have their content in {record.url}; content = {url!r} is another. "
            f"Use the former; or copy all objects, then change the url in {data_dir / RECORD_FILE}."
        )
    if not url:
        return Files(data_dir / DIRECTORY)
    if record is not None:
        return _objects(url, record.owner)
    _refuse_local(data_dir)
    storage = _objects(url, _candidate(url, data_dir).owner)
    _draft(data_dir).rename(data_dir / RECORD_FILE)
    return storage


def _read(path: Path) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise WrongStorageError(f"{path} cannot be read: {error}. Put back the one that was there.") from None


def _refuse_local(data_dir: Path) -> None:
    directory = data_dir / DIRECTORY
    if directory.exists() and Files(directory).numbers():
        raise WrongStorageError(
            f"The blobs of {data_dir} have their content in its own directory {DIRECTORY!r}. "
            "Leave out the content setting, or use another data directory for the object store."
        )


def _candidate(url: str, data_dir: Path) -> _Record:
    """Written down before the store is signed with it, so that a crash in between does no harm."""
    draft = _draft(data_dir)
    known = _read(draft)
    if known is not None and known.url == url:
        return known
    record = _Record(url, str(uuid.uuid4()))
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(record))
        file.flush()
        os.fsync(file.fileno())
    return record


def _draft(data_dir: Path) -> Path:
    return data_dir / f"{RECORD_FILE}.part"


def _objects(url: str, owner: str) -> Storage:
    try:
        extras.require("obstore", f"Keeping blobs in {url}")
    except MissingPackageError as error:
        raise WrongStorageError(f"{error}.") from None
    from obstore.exceptions import BaseError

    from batchite.blobs.content.objects import Objects

    try:
        holder = _sign(_connect(url, OPENING_SECONDS), owner)
    except (BaseError, OSError, ValueError) as error:
        said = str(error).partition("Debug source:")[0].strip(" .\n")  # what follows is the library's inside
        raise WrongStorageError(
            f"The object store {url} cannot be used: {said}. Does the environment have its credentials, "
            "and its endpoint if it is not the cloud's own?"
        ) from None
    if holder != owner:
        raise WrongStorageError(
            f"The object store {url} belongs to another data directory. Add a path of its own to the URL."
        )
    return Objects(_connect(url, RETRY_SECONDS))


def _connect(url: str, seconds: int) -> ObjectStore:
    """Credentials and endpoints come from the environment variables that each kind of store has."""
    from obstore.store import from_url

    pauses: BackoffConfig = {"max_backoff": timedelta(seconds=_LONGEST_PAUSE_SECONDS)}
    times: RetryConfig = {"retry_timeout": timedelta(seconds=seconds), "max_retries": 100, "backoff": pauses}
    # Given options replace those of the environment. An endpoint of http:// was named on purpose.
    client: ClientConfig = {"timeout": timedelta(seconds=REQUEST_SECONDS), "allow_http": True}
    return from_url(url, retry_config=times, client_options=client)


def _sign(store: ObjectStore, owner: str) -> str:
    """Who owns the store; `owner` if nobody did."""
    import obstore
    from obstore.exceptions import AlreadyExistsError

    try:
        obstore.put(store, OWNER_OBJECT, owner.encode(), mode="create")
    except AlreadyExistsError:
        return bytes(obstore.get(store, OWNER_OBJECT).bytes()).decode()
    return owner
