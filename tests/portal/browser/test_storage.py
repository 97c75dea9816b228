"""The storage in a real browser: whole files up and down, what is shared, and what must not run."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from azure.storage.blob import BlobClient, ContainerClient, ContentSettings
from playwright.sync_api import Browser, Locator, Page, expect
from tests.portal.browser import seeing
from tests.portal.browser.seeing import Look

from batchite.testing.service import RunningService, running_service

pytestmark = pytest.mark.system

MIB = 1 << 20
PATIENCE = 300_000
"""Milliseconds for large files, on machines that have much else to do"""


@pytest.fixture
def container(service: RunningService, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    """A new one."""
    name = re.sub("[^a-z]+", "-", request.node.name).strip("-")[:60].strip("-")
    client = ContainerClient.from_connection_string(service.storage_connection_string, name)
    with client:
        client.create_container()
        yield client
        client.delete_container()


def page_of(container: ContainerClient, below: str = "") -> str:
    return f"/storage/{container.account_name}/containers/{container.container_name}{below}"


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Uploads").get_by_role("listitem")


def choose(look: Look, *paths: Path) -> None:
    look.page.set_input_files("#files", [str(path) for path in paths])


def write(path: Path, size: int) -> str:
    """A file whose blocks all differ; its hash."""
    digest, piece = hashlib.sha256(), os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(0, size, MIB):
            part = number.to_bytes(8, "big") + piece[8 : min(MIB, size - number)]
            file.write(part)
            digest.update(part)
    return digest.hexdigest()


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_large_file_goes_up_and_comes_down_as_it_was(
    browser: Browser, service: RunningService, container: ContainerClient, tmp_path: Path
) -> None:
    file = tmp_path / "film & more.bin"
    expected = write(file, 200 * MIB + 12345)
    with seeing.look(browser, service) as look:
        page = look.page
        look.go(page_of(container, "?prefix=night%2F"))
        choose(look, file)
        row = rows(page).first
        expect(row.get_by_role("status")).to_have_text("200.0 MiB", timeout=PATIENCE)
        expect(page.get_by_role("row")).to_have_count(2)
        file.unlink()
        row.get_by_role("link").click()
        page.wait_for_url("**/blob?name=night*")
        with page.expect_download(timeout=PATIENCE) as download:
            page.get_by_role("link", name="Download", exact=True).click()
        assert download.value.suggested_filename == "film & more.bin"
        assert hash_of(Path(download.value.path())) == expected
    blob = container.get_blob_client("night/film & more.bin")
    assert blob.get_blob_properties().size == 200 * MIB + 12345
    blocks = [block.size for block in blob.get_block_list()[0]]
    assert blocks == [8 * MIB] * 25 + [12345]
    assert any(url.startswith(service.blob_url) for url in look.asked)


def test_several_at_once_with_what_they_are_called(
    browser: Browser, service: RunningService, container: ContainerClient, tmp_path: Path
) -> None:
    names = ["<b>bold.html", "ünï 🦄.txt", "100% #?.csv", "none"]
    for name in names:
        (tmp_path / name).write_text(name)
    with seeing.look(browser, service) as look:
        look.go(page_of(container))
        choose(look, *(tmp_path / name for name in names))
        expect(look.page.locator("#uploads [data-state=good]")).to_have_count(len(names))
        expect(look.page.get_by_role("row")).to_have_count(len(names) + 1)
    types = {blob.name: blob.content_settings.content_type for blob in container.list_blobs()}
    assert types == dict(
        zip(names, ["text/html", "text/plain", "text/csv", "application/octet-stream"], strict=True)
    )
    assert [container.download_blob(name).readall().decode() for name in names] == names


def test_files_are_dropped_on_the_page(
    browser: Browser, service: RunningService, container: ContainerClient
) -> None:
    with seeing.look(browser, service) as look:
        look.go(page_of(container))
        look.page.evaluate("""() => {
            const moved = new DataTransfer();
            moved.items.add(new File(["dropped"], "a.txt"));
            const how = {dataTransfer: moved, bubbles: true, cancelable: true};
            document.body.dispatchEvent(new DragEvent("drop", how));
        }""")
        expect(rows(look.page).get_by_role("status")).to_have_text("7 B")
    assert container.download_blob("a.txt").readall() == b"dropped"


def test_nothing_is_replaced_before_somebody_says_so(
    browser: Browser, service: RunningService, container: ContainerClient, tmp_path: Path
) -> None:
    container.upload_blob("a.txt", b"old")
    (tmp_path / "a.txt").write_bytes(b"new")
    with seeing.look(browser, service) as look:
        look.go(page_of(container))
        choose(look, tmp_path / "a.txt")
        row = rows(look.page).first
        expect(row.get_by_role("status")).to_have_text("There is a blob of this name.")
        assert container.download_blob("a.txt").readall() == b"old"
        row.get_by_role("button", name="Replace it").click()
        expect(row.get_by_role("status")).to_have_text("3 B")
    assert container.download_blob("a.txt").readall() == b"new"


def test_what_fails_is_tried_again_and_goes_on_from_where_it_was(
    browser: Browser, service: RunningService, container: ContainerClient, tmp_path: Path
) -> None:
    expected = write(tmp_path / "film", 20 * MIB)
    with seeing.entered(browser, service) as (_, page, look):
        look.go(page_of(container))
        service.fail("PUT blob block", 503, times=2)
        service.fail("PUT blob blocklist", 400, times=1)
        choose(look, tmp_path / "film")
        row = rows(page).first
        expect(row.get_by_role("status")).to_contain_text("not uploaded", timeout=PATIENCE)
        puts = [url for url in look.asked if "comp=block&" in url]
        row.get_by_role("button", name="Resume").click()
        expect(row.get_by_role("status")).to_have_text("20.0 MiB", timeout=PATIENCE)
        assert [url for url in look.asked if "comp=block&" in url] == puts
    assert hashlib.sha256(container.download_blob("film").readall()).hexdigest() == expected


def test_the_storage_of_another_service_is_used_through_the_portal(
    browser: Browser, service: RunningService, container: ContainerClient, tmp_path: Path
) -> None:
    expected = write(tmp_path / "film", 20 * MIB)
    config = tmp_path / "batchite.toml"
    config.write_text(
        f'[[storage_accounts]]\nname = "{service.storage_account}"\nkey = "{service.storage_key}"\n'
        f'blob_endpoint = "{service.blob_url}"\n'
    )
    with (
        running_service(only="batch", config=config) as elsewhere,
        seeing.entered(browser, elsewhere) as (_, page, look),
    ):
        look.go(page_of(container))
        choose(look, tmp_path / "film")
        expect(rows(page).first.get_by_role("status")).to_have_text("20.0 MiB", timeout=PATIENCE)
        look.go(page_of(container, "/blob?name=film"))
        with page.expect_download(timeout=PATIENCE) as download:
            page.get_by_role("link", name="Download", exact=True).click()
        assert hash_of(Path(download.value.path())) == expected
        assert look.complaints == []
        assert [url for url in look.asked if not url.startswith((elsewhere.batch_url, "data:"))] == []


def test_what_is_shared_works_for_the_official_client(
    browser: Browser, service: RunningService, container: ContainerClient
) -> None:
    container.upload_blob("a b.txt", b"shared")
    with seeing.look(browser, service) as look:
        page = look.page
        look.go(page_of(container, "/blob?name=a%20b.txt"))
        page.get_by_role("link", name="Share", exact=True).click()
        page.get_by_label("delete", exact=True).check()
        page.get_by_label("For so long").select_option("an hour")
        page.get_by_role("button", name="Make the URL").click()
        copied = page.get_by_role("button", name="Copy the URL")
        seeing.stop_clock(page)
        copied.click()
        expect(copied).to_have_attribute("title", "Copied")
        url = copied.get_attribute("data-copy")
    assert url is not None
    with BlobClient.from_blob_url(url) as blob:
        assert blob.download_blob().readall() == b"shared"
        blob.delete_blob()
    assert list(container.list_blobs()) == []


def test_an_uploaded_page_does_nothing(
    browser: Browser, service: RunningService, container: ContainerClient
) -> None:
    script = "<!doctype html><script>document.title = 'taken'</script><h1>Page</h1>"
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    for name, content, media_type in [
        ("page.html", script, "text/html"),
        ("page.svg", svg, "image/svg+xml"),
        ("page.png", script, "image/png"),
    ]:
        settings = ContentSettings(content_type=media_type)
        container.upload_blob(name, content.encode(), content_settings=settings)
        with seeing.look(browser, service) as look:
            look.go(page_of(container, f"/blob?name={name}"))
            expect(look.page.get_by_label(f"Text of {name}")).to_have_text(content)
            expect(look.page).to_have_title(f"{name} · Batchite")
            assert look.page.get_by_role("heading", name="Page", exact=True).count() == 0
        with seeing.entered(browser, service) as (_, page, look):
            look.go(page_of(container, f"/blob/image?name={name}"))
            expect(page.get_by_role("heading", name="Not here")).to_be_visible()
            url = look.url(page_of(container, f"/blob/download?name={name}"))
            with page.expect_download() as download:
                page.evaluate("url => { location.href = url }", url)
            assert Path(download.value.path()).read_text() == content
            expect(page.get_by_role("heading", name="Not here")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_meets_an_obstacle_nor_a_page_too_wide(
    browser: Browser, service: RunningService, container: ContainerClient, scheme: Literal["light", "dark"]
) -> None:
    axe = seeing.axe()
    container.upload_blob("a/very-long-" + "name" * 50, b"text\n" * 100)
    container.upload_blob("a.txt", b"long line " * 100, metadata={"a": "b" * 300})
    below = ["", "?prefix=a%2F", "?q=nothing", "/properties", "/share", "/blob?name=a.txt"]
    paths = ["/storage", f"/storage/{container.account_name}", *(page_of(container, each) for each in below)]
    with seeing.entered(browser, service, color_scheme=scheme) as (_, page, look):
        for path in paths:
            page.set_viewport_size({"width": 1200, "height": 800})
            look.go(path)
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            assert [(path, each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
            assert found["passes"], "axe has looked"
            page.set_viewport_size({"width": 390, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
