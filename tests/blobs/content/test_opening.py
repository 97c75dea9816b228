import re
from pathlib import Path

import pytest
from tests.blobs.content.test_storages import put

from batchite.blobs.content.opening import WrongStorageError, open_storage


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
