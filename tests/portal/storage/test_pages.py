"""Pages of the storage: what they show, that names do nothing but be seen, and what is changed by them."""

import html
from urllib.parse import quote

import pytest
from azure.storage.blob import RetentionPolicy
from azure.storage.blob.aio import BlobServiceClient
from tests.blobs.server import NAME, NEIGHBOUR, Server
from tests.blobs.test_kept import keep
from tests.portal.blobs import HOSTILE
from tests.portal.service import Browser

from batchite.portal import lists
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.naming import visible
from batchite.portal.visit import ROOT

ACCOUNT = f"/storage/{NAME}"
THINGS = f"{ACCOUNT}/containers/things"


def page_of(name: str, *, below: str = "", **query: str) -> str:
    more = "".join(f"&{key}={quote(value, safe='')}" for key, value in query.items())
    return f"{THINGS}/blob{below}?name={quote(name, safe='')}{more}"


async def put(client: Client, name: str, content: bytes = b"x", **headers: str) -> Where:
    where = Where("things", name)
    told = {f"x-ms-blob-{key.replace('_', '-')}": value for key, value in headers.items()}
    await client.put_blob(where, content, len(content), told)
    return where


async def test_accounts_containers_folders_and_blobs_lead_to_each_other(
    explorer: Browser, client: Client
) -> None:
    await put(client, "a/b/c.txt", b"Hello", content_type="text/plain")
    page = await explorer.page("/storage")
    assert f'href="{ROOT}{ACCOUNT}"' in page
    assert f'href="{ROOT}/storage/{NEIGHBOUR}"' in page
    assert "another Blob service" in page
    assert f'href="{ROOT}{THINGS}"' in await explorer.page(ACCOUNT)
    assert f'href="{ROOT}{THINGS}?prefix=a%2F"' in await explorer.page(THINGS)
    assert f'href="{ROOT}{THINGS}?prefix=a%2Fb%2F"' in await explorer.page(f"{THINGS}?prefix=a/")
    folder = await explorer.page(f"{THINGS}?prefix=a/b/")
    assert f'href="{ROOT}{THINGS}/blob?name=a%2Fb%2Fc.txt"' in folder
    assert "text/plain" in folder
    page = await explorer.page(page_of("a/b/c.txt"))
    assert "Hello</pre>" in page
    for step in (ACCOUNT, THINGS, f"{THINGS}?prefix=a%2F", f"{THINGS}?prefix=a%2Fb%2F"):
        assert f'href="{ROOT}{step}"' in page


async def test_names_of_all_kinds_are_seen_and_lead_to_their_pages(explorer: Browser, client: Client) -> None:
    for name in HOSTILE:
        await put(client, name, b"content of " + quote(name).encode())
    for name in HOSTILE:
        page = await explorer.page(page_of(name))
        assert html.escape(visible(name)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
        assert f"content of {quote(name)}".replace("'", "&#39;") in page
        for forbidden in ("<script>alert", "\u202e", "\x07"):
            assert forbidden not in page
    listed = await explorer.page(THINGS)
    assert "<script>alert" not in listed
    assert "⟨202E⟩" in listed


async def test_a_long_list_goes_by_pages_and_by_the_beginning_of_names(
    explorer: Browser, client: Client
) -> None:
    for number in range(lists.ROWS + 1):
        await put(client, f"n{number:03}")
    page = await explorer.page(THINGS)
    assert "n049" in page
    assert "n050" not in page
    link = html.unescape(page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0])
    following = await explorer.page(link.removeprefix(ROOT))
    assert ("n049" in following, "n050" in following) == (False, True)
    assert "First page" in following
    filtered = await explorer.page(f"{THINGS}?q=n02")
    assert (filtered.count("<tr>") - 1, "n029" in filtered) == (10, True)
    assert "No name in this folder begins with" in await explorer.page(f"{THINGS}?q=m")


async def test_empty_places_say_what_to_do_next(explorer: Browser, client: Client) -> None:
    assert "upload_blob(" in await explorer.page(THINGS)
    assert "az storage blob upload --container-name things" in await explorer.page(THINGS)
    await client.delete_container("things")
    page = await explorer.page(ACCOUNT)
    assert "create_container(" in page
    assert "az storage container create" in page


async def test_a_container_is_made_described_and_deleted(explorer: Browser, client: Client) -> None:
    answer = await explorer.post(f"{ACCOUNT}/create", {"name": "films"})
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{ACCOUNT}/containers/films")
    assert "The container films has been made." in await explorer.page(f"{ACCOUNT}/containers/films")
    await explorer.post(f"{ACCOUNT}/containers/films/metadata", {"metadata": "a=1\r\n\r\nb = x = y\r\n"})
    assert (await client.container("films")).metadata == {"a": "1", "b": "x = y"}
    page = await explorer.page(f"{ACCOUNT}/containers/films/properties")
    assert "a=1\nb=x = y</textarea>" in page
    assert "Delete the container films?" in page
    await explorer.post(f"{ACCOUNT}/containers/films/delete")
    with pytest.raises(StorageProblem, match="no such container"):
        await client.container("films")


@pytest.mark.parametrize(
    ("name", "said"), [("things", "of this name already"), ("No", "3 to 63 lower-case letters")]
)
async def test_a_container_that_cannot_be(explorer: Browser, client: Client, name: str, said: str) -> None:
    answer = await explorer.post(f"{ACCOUNT}/create", {"name": name})
    assert answer.status in (400, 409)
    assert said in answer.text
    assert [each.name for each in (await client.containers(limit=9)).entries] == ["things"]


@pytest.mark.parametrize("name", ["plain.txt", "a/../b", "..", "<b>\u202e\n%2F"])
async def test_a_blob_is_described_kept_and_deleted(explorer: Browser, client: Client, name: str) -> None:
    where = await put(client, name, b"first")
    await put(client, f"{name}x")
    await explorer.post(page_of(name, below="/metadata"), {"metadata": "Color=red"})
    assert (await client.properties(where)).metadata == {"Color": "red"}
    await explorer.post(page_of(name, below="/tags"), {"tags": "project=one\nstage=2"})
    assert await client.tags(where) == {"project": "one", "stage": "2"}
    await explorer.post(page_of(name, below="/snapshot"))
    (kept,) = await client.snapshots("things", name)
    await put(client, name, b"second")
    page = await explorer.page(page_of(name))
    assert html.escape(f"snapshot={quote(kept.snapshot, safe='')}") in page
    assert "Its snapshots (1) are deleted with it." in page
    old = await explorer.page(page_of(name, snapshot=kept.snapshot))
    assert ("first</pre>" in old, "The blob itself stays." in old) == (True, True)
    await explorer.post(page_of(name, below="/delete", snapshot=kept.snapshot))
    assert await client.snapshots("things", name) == ()
    assert (await client.properties(where)).size == 6
    await explorer.post(page_of(name, below="/snapshot"))
    await explorer.post(page_of(name, below="/delete"))
    assert (await explorer.get(page_of(name))).status == 404
    part = await client.blobs("things", limit=9, delimiter="", include=("snapshots",))
    assert [entry.name for entry in part.entries] == [f"{name}x"]


async def test_former_versions_are_listed_shown_and_deleted(
    explorer: Browser, client: Client, server: Server
) -> None:
    await put(client, "film", b"before any")
    await keep(server, versioning=True)
    await put(client, "film", b"first")
    await put(client, "films", b"another")
    where = await put(client, "film", b"second")
    former = [version.version for version in await client.versions("things", "film")]
    assert len(former) == 2
    page = await explorer.page(page_of("film"))
    assert "second</pre>" in page
    links = [quote(version, safe="") for version in former]
    assert all(f"versionid={link}" in page for link in links)
    assert page.index(links[1]) < page.index(links[0]), "the newest first"
    old = await explorer.page(page_of("film", versionid=former[1]))
    assert "first</pre>" in old
    assert f"version {former[1]}</span>" in old
    await explorer.post(page_of("film", below="/delete", versionid=former[1]))
    assert [version.version for version in await client.versions("things", "film")] == former[:1]
    assert (await client.properties(where)).size == 6


async def test_type_and_tier_of_a_blob_are_changed_and_nothing_else(
    explorer: Browser, client: Client
) -> None:
    where = await put(client, "film", cache_control="no-cache", content_language="de", content_type="a/b")
    await explorer.post(page_of("film", below="/content-type"), {"type": "video/mp4"})
    await explorer.post(page_of("film", below="/tier"), {"tier": "Cool"})
    found = await client.properties(where)
    names = ("content-type", "cache-control", "content-language", "x-ms-access-tier")
    assert [found.header(name) for name in names] == ["video/mp4", "no-cache", "de", "Cool"]
    assert found.header("content-md5"), "it is still known"
    page = await explorer.page(page_of("film"))
    assert ("<option selected>Cool</option>" in page, 'value="video/mp4"' in page) == (True, True)
    for below, form in (("/content-type", {"type": "vidéo"}), ("/tier", {"tier": "Lukewarm"})):
        assert (await explorer.post(page_of("film", below=below), form)).status == 400
    assert (await client.properties(where)).header("content-type") == "video/mp4"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("metadata", "no equals sign", "name=value"),
        ("metadata", "a=1\na=2", "each name is there once"),
        ("metadata", "a b=1", "letters, digits and _"),
        ("metadata", "a=\u202e", "printable ASCII"),
        ("tags", "=x", "name=value"),
        ("tags", "<=>", "Tags have names and values"),
    ],
)
async def test_what_cannot_be_said_of_a_blob_changes_nothing(
    explorer: Browser, client: Client, field: str, text: str, said: str
) -> None:
    where = await put(client, "one")
    await client.set_metadata(where, {"kept": "yes"})
    answer = await explorer.post(page_of("one", below=f"/{field}"), {field: text})
    assert answer.status == 400
    assert said in html.unescape(answer.text)
    assert (await client.properties(where)).metadata == {"kept": "yes"}
    assert await client.tags(where) == {}


async def test_what_was_deleted_softly_is_shown_when_asked_for_and_comes_back(
    explorer: Browser, client: Client, server: Server
) -> None:
    async with BlobServiceClient.from_connection_string(server.connection_string) as sdk:
        policy = RetentionPolicy(enabled=True, days=3)
        await sdk.set_service_properties(delete_retention_policy=policy)
    where = await put(client, "a/gone.txt", b"kept")
    await client.delete(where)
    assert "gone.txt" not in await explorer.page(f"{THINGS}?prefix=a/")
    page = await explorer.page(f"{THINGS}?prefix=a/&show=deleted")
    assert ("gone.txt" in page, "gone in 3 days" in page) == (True, True)
    answer = await explorer.post(page_of("a/gone.txt", below="/restore"))
    assert answer.headers["location"] == f"{ROOT}{THINGS}?prefix=a%2F"
    assert (await client.properties(where)).size == 4


async def test_previews_show_texts_and_say_why_there_is_none(explorer: Browser, client: Client) -> None:
    await put(client, "page.html", b"<script>alert(1)</script>", content_type="text/html")
    page = await explorer.page(page_of("page.html"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</pre>" in page
    assert "<script>alert" not in page
    await put(client, "long", b"line\n" * 20_000)
    assert "These are the first 64 KiB of 97.7 KiB" in await explorer.page(page_of("long"))
    await put(client, "empty", b"")
    assert "The blob is empty." in await explorer.page(page_of("empty"))
    await put(client, "binary", bytes(range(256)))
    assert "neither text nor an image" in await explorer.page(page_of("binary"))
    await put(client, "packed", b"\x1f\x8b", content_encoding="gzip")
    assert "encoded (gzip)" in await explorer.page(page_of("packed"))


async def test_what_is_not_there_is_told(explorer: Browser, client: Client) -> None:
    for path, said in [
        ("/storage/nobody", "no storage account"),
        (f"{ACCOUNT}/containers/nothing", "no such container"),
        (page_of("nothing"), "no such blob"),
        (f"{THINGS}/blob", "has its name"),
    ]:
        answer = await explorer.get(path)
        assert answer.status == 404
        assert said in answer.text
    answer = await explorer.get(f"{THINGS}?after=nonsense")
    assert answer.status == 400


async def test_storage_of_another_service_looks_the_same(explorer: Browser, foreign: Client) -> None:
    await put(foreign, "far.txt", b"from afar")
    far = page_of("far.txt").replace(NAME, NEIGHBOUR)
    assert "from afar" in await explorer.page(far)
    assert f'href="{ROOT}/storage/{NEIGHBOUR}/containers/things"' in await explorer.page(
        f"/storage/{NEIGHBOUR}"
    )


async def test_several_blobs_and_a_folder_are_deleted_after_they_were_named(
    explorer: Browser, client: Client
) -> None:
    for name in ("a/1", "a/b/2", "a", "two\nlines", "kept", "ab"):
        await put(client, name)
    chosen = {"folder-1": "a%2F", "blob-1": quote("two\nlines", safe=""), "blob-2": ""}
    answer = await explorer.post(f"{THINGS}/removal", chosen)
    assert "Delete 3 blobs of things?" in answer.text
    assert "all blobs in it: 2" in answer.text
    assert (await client.blobs("things", limit=9, delimiter="")).entries != ()
    assert 'value="two%0Alines"' in answer.text
    answer = await explorer.post(f"{THINGS}/removal/delete", {**chosen, "count": "3"})
    assert answer.headers["location"] == f"{ROOT}{THINGS}"
    assert "3 blobs are deleted." in await explorer.page(THINGS)
    left = await client.blobs("things", limit=9, delimiter="")
    assert [entry.name for entry in left.entries] == ["a", "ab", "kept"]


async def test_nothing_is_deleted_but_what_was_named(explorer: Browser, client: Client) -> None:
    for name in ("a/1", "a/2"):
        await put(client, name)
    answer = await explorer.post(f"{THINGS}/removal", {})
    assert (answer.status, "Choose blobs or folders first" in answer.text) == (400, True)
    await put(client, "a/3")
    answer = await explorer.post(f"{THINGS}/removal/delete", {"folder-1": "a%2F", "count": "2"})
    assert (answer.status, "more or fewer" in answer.text) == (409, True)
    assert len((await client.blobs("things", limit=9, delimiter="")).entries) == 3


async def test_what_cannot_be_deleted_keeps_none_of_the_others(
    explorer: Browser, client: Client, server: Server
) -> None:
    for name in ("one", "two", "three"):
        await put(client, name)
    async with BlobServiceClient.from_connection_string(server.connection_string) as sdk:
        await sdk.get_blob_client("things", "two").acquire_lease()
    chosen = {f"blob-{number}": name for number, name in enumerate(["one", "two", "three", "gone"])}
    answer = await explorer.post(f"{THINGS}/removal/delete", {**chosen, "count": "4"})
    assert answer.status == 409
    assert "3 blobs are deleted, 1 are not. two: Somebody has a lease on this." in answer.text
    left = await client.blobs("things", limit=9)
    assert [entry.name for entry in left.entries] == ["two"]
