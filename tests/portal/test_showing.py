"""What pages show, and that nothing of it does more than be seen."""

import re
from pathlib import Path

import pytest
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser

from batchite.portal import durations, naming, rendering, static
from batchite.portal.visit import ROOT
from batchite.store.batch import schema
from batchite.wire.ticks import INFINITE, Duration


async def test_hostile_texts_are_seen_and_do_nothing(operator: Browser) -> None:
    metadata = [{"name": "n", "value": HOSTILE}]
    task = {"commandLine": HOSTILE, "environmentSettings": [{"name": "<b>\u202e", "value": "v"}]}
    added = await operator.api.add_pool("films", displayName=HOSTILE, metadata=metadata, startTask=task)
    assert added.status == 201
    await operator.api.add_node(
        "tvm-1", "films", errors=b'[{"code":"<i>","message":"<img src=x onerror=alert(1)>\\u202e"}]'
    )
    for page in (
        await operator.page("/batch/devbatch/pools"),
        await operator.page("/batch/devbatch/pools/films"),
    ):
        assert SEEN in page
        assert "<script>alert" not in page
        assert "onerror=alert(1)>" not in page
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


async def test_hostile_texts_of_the_url_are_seen_and_do_nothing(operator: Browser) -> None:
    answer = await operator.get("/batch/devbatch/pools?q=%22%3E%3Cscript%3E%E2%80%AE:x")
    assert "&#34;&gt;&lt;script&gt;⟨202E⟩:x" in answer.text
    assert "<script>" not in answer.text
    answer = await operator.get("/batch/%3Cb%3E/pools")
    assert answer.status == 404
    assert "&lt;b&gt;" in answer.text
    for broken in ("/batch/devbatch/pools/%zz", "/batch/devbatch/pools/%ff", "/batch/devbatch/pools?q=%ff"):
        assert (await operator.get(broken)).status == 400


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain ünïcode 名前", "plain ünïcode 名前"),
        ("two\nlines\tkept", "two\nlines\tkept"),
        ("\x00\x7f\u200b\ufeff\u00a0", "⟨0000⟩⟨007F⟩⟨200B⟩⟨FEFF⟩ "),
        ("שלום", "שלום"),
    ],
)
def test_what_controls_something_is_named(text: str, seen: str) -> None:
    assert naming.visible(text) == seen


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (0.00264, "2.64 ms"),
        (0.9996, "1 s"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
        (-90, "−1 min 30 s"),
    ],
)
def test_lengths_of_time_are_told_in_words(seconds: float, text: str) -> None:
    assert durations.words(Duration.of(seconds=seconds)) == text


def test_an_infinite_length_has_no_end() -> None:
    assert durations.words(INFINITE) == "no limit"


async def test_pools_are_listed_with_their_nodes(operator: Browser) -> None:
    await operator.api.add_pool("films", displayName="of the night", targetDedicatedNodes=3)
    for number, state in enumerate(("idle", "running", "idle")):
        await operator.api.add_node(f"tvm-{number}", "films", state=state)
    page = await operator.page("/batch/devbatch/pools")
    assert f'href="{ROOT}/batch/devbatch/pools/films">films</a>' in page
    assert re.search(r"2 idle</span>.*1 running</span>", page)
    detail = await operator.page("/batch/devbatch/pools/films")
    assert all(f'id="node-tvm-{number}"' in detail for number in range(3))
    only = await operator.page("/batch/devbatch/pools/films?q=state:running")
    assert 'id="node-tvm-1"' in only
    assert 'id="node-tvm-0"' not in only


async def test_errors_of_a_resize_ask_for_attention(operator: Browser) -> None:
    await operator.api.add_pool("films")
    await operator.api.update(
        schema.pools, resize_errors=b'[{"code":"AccountCoreQuotaReached","message":"No cores are left."}]'
    )
    page = await operator.page("/batch/devbatch/pools/films")
    assert "AccountCoreQuotaReached" in page
    assert "No cores are left." in page


async def test_an_empty_list_says_what_to_do_next(operator: Browser) -> None:
    page = await operator.page("/batch/devbatch/pools")
    assert "az batch pool create" in page
    assert "client.create_pool(" in page
    assert "There is none that fits" in await operator.page("/batch/devbatch/pools?q=night")


async def test_a_long_list_is_shown_in_pages(operator: Browser) -> None:
    for number in range(53):
        await operator.api.add_pool(f"pool-{number:02}")
    first = await operator.page("/batch/devbatch/pools?q=pool-*")
    assert first.count('<tr id="pool-') == 50
    (link,) = re.findall(r'<a href="([^"]+)" rel="next">', first)
    assert "q=pool-%2A" in link, "the filter goes with it"
    second = await operator.page(link.removeprefix(ROOT).replace("&amp;", "&"))
    assert re.findall(r'<tr id="(pool-[^"]+)"', second) == [f"pool-pool-{number}" for number in (50, 51, 52)]
    assert "First page" in second
    assert 'rel="next"' not in second


async def test_what_is_not_there_is_said_in_the_same_look(operator: Browser) -> None:
    for path in ("/batch/devbatch/pools/nothing", "/batch/nobody/pools", "/nothing/at/all"):
        answer = await operator.get(path)
        assert answer.status == 404
        assert "Not here" in answer.text
        assert "portal.css" in answer.text


# -- the templates


def templates() -> list[Path]:
    return sorted(rendering.HERE.rglob("*.html"))


def test_no_template_has_a_script_or_a_style_within() -> None:
    """The policy of the pages would keep it from running, and nobody would see why."""
    for place in templates():
        text = place.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), place
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", text), place
        assert "|safe" not in text.replace(" ", ""), place


def test_nothing_is_asked_of_another_host() -> None:
    own = [place for place in static.HERE.iterdir() if not place.name.endswith(".min.js")]
    for place in [*templates(), *own]:
        found = re.findall(r"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]{2,}[^\s\"']*", place.read_text())
        assert [url for url in found if url != "http://www.w3.org/2000/svg"] == [], place


async def test_a_first_look_takes_few_bytes(operator: Browser) -> None:
    page = await operator.page("/batch/devbatch/pools")
    urls = set(re.findall(rf'(?:src|href)="({static.PATH}/[^"]+)"', page))
    assert len(urls) == 5
    sizes = [int((await operator.ask("HEAD", url)).headers["content-length"]) for url in urls]
    assert sum(sizes) + len(page.encode()) < 100_000
