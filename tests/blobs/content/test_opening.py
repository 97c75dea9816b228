import re
import socket
from pathlib import Path

import pytest
from tests.blobs.content.test_storages import put

from batchite.blobs.content import opening
from batchite.blobs.content.opening import WrongStorageError, open_storage, recorded_url


def test_two_data_directories_do_not_share_a_store(object_url: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    open_storage(object_url, tmp_path / "one")
    with pytest.raises(WrongStorageError, match="belongs to another data directory"):
        open_storage(object_url, tmp_path / "two")
    open_storage(f"{object_url}/elsewhere", tmp_path / "two")
    open_storage(object_url, tmp_path / "one")


def test_the_store_of_a_directory_cannot_be_changed_by_mistake(object_url: str, tmp_path: Path) -> None:
    open_storage(object_url, tmp_path)
    for other in ("", f"{object_url}/elsewhere"):
        with pytest.raises(WrongStorageError, match=re.escape(object_url)):
            open_storage(other, tmp_path)


async def test_local_content_is_not_forgotten_for_a_store(object_url: str, tmp_path: Path) -> None:
    storage = open_storage("", tmp_path)
    await put(storage, 1, b"local")
    with pytest.raises(WrongStorageError, match="its own directory"):
        open_storage(object_url, tmp_path)


def test_a_store_that_is_not_there_is_said_at_once(object_url: str, tmp_path: Path) -> None:
    with pytest.raises(WrongStorageError, match="cannot be used"):
        open_storage(object_url.replace("bucket-", "no-bucket-"), tmp_path)


def test_a_wrong_key_is_said_at_once(azure_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")
    with pytest.raises(
        WrongStorageError, match=r"(?s)403 Forbidden.* Does the environment have its credentials"
    ):
        open_storage(azure_url, tmp_path)


def test_a_store_that_does_not_answer_is_given_up(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OPENING_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(WrongStorageError, match="cannot be used"):
        open_storage(s3_url, tmp_path)


def test_where_the_content_is_can_be_asked(object_url: str, tmp_path: Path) -> None:
    assert recorded_url(tmp_path) == ""
    open_storage(object_url, tmp_path)
    assert recorded_url(tmp_path) == object_url
