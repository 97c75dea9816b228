"""The page on which a pool's autoscale formula is typed, tried and followed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Answer, Browser, serving
from tests.portal.streams import following, stream_of

from batchite.batch.pools.trials import History
from batchite.portal import live
from batchite.portal.pools import autoscale, chart, formulas
from batchite.portal.pools.chart import SAMPLED
from batchite.portal.visit import ROOT
from batchite.resources.evaluations import AutoScaleEvaluation, SampledVariable
from batchite.scheduling.autoscale.samples import stored
from batchite.scheduling.room import Limits
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch import codec
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

POOL = "/batch/devbatch/pools/films"
PAGE = f"{POOL}/autoscale"
FORMULA = "$TargetDedicatedNodes = 3;"
OTHER = "most = 7;\n$TargetDedicatedNodes = min(most, $ActiveTasks);"
MISTAKEN = "a = 1;\n$TargetDedicatedNodes = a + ;"
SCALED = {"enableAutoScale": True, "autoScaleFormula": FORMULA}
SECOND = TICKS_PER_SECOND


@pytest.fixture
async def plain(operator: Browser) -> Browser:
    """There is a pool without autoscale."""
    assert (await operator.api.add_pool("films")).status == 201
    return operator


@pytest.fixture
async def scaled(operator: Browser) -> Browser:
    """There is a pool with autoscale, which has been enabled a while ago."""
    assert (await operator.api.add_pool("films", **SCALED)).status == 201
    await operator.api.update(schema.autoscaling, enabled=1)
    return operator


async def pool(browser: Browser) -> Mapping[str, object]:
    answer = await browser.api.get("/pools/films")
    found: Mapping[str, object] = answer.json
    return found


async def sample(browser: Browser, *values: Mapping[str, float]) -> None:
    """One every half minute, the last one now."""
    last = browser.clock.now().ticks
    rows = [
        {"pool_no": 1, "at": last - 30 * SECOND * number, "measured": stored(each)}
        for number, each in enumerate(reversed(values))
    ]
    await browser.api.database.write(lambda c: c.execute(sa.insert(schema.samples), rows))


async def add_turn(browser: Browser, entry: AutoScaleEvaluation) -> None:
    row = {"pool_no": 1, "entry": codec.encode(entry)}
    await browser.api.database.write(lambda c: c.execute(sa.insert(schema.evaluations), row))


def field(page: str) -> str:
    """What stands in the text area."""
    (found,) = re.findall(r"<textarea [^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    return unescape(found)


def mistake(page: str) -> str:
    """The sentence about the formula, if there is one to be seen."""
    (hidden, found) = re.findall(r'<p id="mistake"[^>]*?( hidden)?>(.*?)</p>', page, re.DOTALL)[0]
    assert bool(hidden) == (not found)
    return unescape(found)


def underlined(page: str) -> str:
    return unescape("".join(re.findall(r"<mark>(.*?)</mark>", page, re.DOTALL)))


# -- the formula


async def test_a_pool_without_autoscale_says_how_to_begin(plain: Browser) -> None:
    assert f'href="{ROOT}{PAGE}">off</a>' in await plain.page(POOL)
    page = await plain.page(PAGE)
    assert "The pool keeps the size that it was given" in page
    assert field(page) == ""
    assert "What would it ask for?" in page
    assert 'value="PT15M"' in page
    assert page.count("Start from this one") == len(formulas.ready_made()) > 3


async def test_every_ready_made_formula_can_be_read_and_started_from(plain: Browser) -> None:
    for number, (about, formula) in enumerate(formulas.ready_made(), 1):
        assert about
        assert formulas.checked(formula).sentence == ""
        assert field(await plain.page(f"{PAGE}?start={number}")) == formula
    for wrong in ("0", "99", "x", "9" * 30):
        assert field(await plain.page(f"{PAGE}?start={wrong}")) == ""


async def test_autoscale_is_enabled_changed_and_disabled(plain: Browser) -> None:
    answer = await plain.post(f"{PAGE}/enable", {"formula": OTHER.replace("\n", "\r\n"), "interval": "PT6M"})
    assert (answer.status, answer.headers["location"]) == (303, ROOT + PAGE)
    found = await pool(plain)
    assert (found["autoScaleFormula"], found["autoScaleEvaluationInterval"]) == (OTHER, "PT6M")
    page = await plain.page(PAGE)
    assert "The pool films is scaled by the formula, which has its turn every 6 min." in page
    assert field(page) == OTHER
    await plain.api.update(schema.autoscaling, enabled=1, evaluate_at=5)
    answer = await plain.post(f"{PAGE}/enable", {"formula": FORMULA, "interval": "PT6M"})
    assert answer.status == 303
    assert (await pool(plain))["autoScaleFormula"] == FORMULA
    turn = sa.select(schema.autoscaling.c.evaluate_at)
    assert await plain.api.database.read(lambda c: c.execute(turn).scalar_one()) == 5, "the same turns"
    answer = await plain.post(f"{PAGE}/disable")
    assert (answer.status, answer.headers["location"]) == (303, ROOT + PAGE)
    assert (await pool(plain))["enableAutoScale"] is False


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"formula": ""}, "expected a statement"),
        ({"formula": MISTAKEN}, "Line 2, Col 29: "),
        ({"formula": FORMULA, "interval": "PT1M"}, "PT5M and P7D"),
        ({"formula": FORMULA, "interval": "often"}, "autoScaleEvaluationInterval"),
        ({"formula": "x = 1;" * 2000, "interval": "PT5M"}, "8,192"),
    ],
)
async def test_what_cannot_be_enabled_is_shown_again_with_the_reason(
    plain: Browser, form: dict[str, str], said: str
) -> None:
    answer = await plain.post(f"{PAGE}/enable", form)
    assert answer.status == 400
    assert said in unescape(answer.text)
    assert field(answer.text) == form["formula"]
    assert (await pool(plain))["enableAutoScale"] is False


async def test_a_form_beyond_all_bounds_is_refused_by_its_size(plain: Browser) -> None:
    for what in ("check", "try", "enable"):
        assert (await plain.post(f"{PAGE}/{what}", {"formula": "x" * 300_000})).status == 413
    assert (await pool(plain))["enableAutoScale"] is False


async def test_a_mistake_is_underlined_where_it_is(plain: Browser) -> None:
    async def checked(formula: str) -> Answer:
        return await plain.post(f"{PAGE}/check", {"formula": formula})

    answer = await checked(MISTAKEN.replace("\n", "\r\n"))
    assert answer.status == 200
    assert "<html" not in answer.text, "only what a script puts in place"
    assert (underlined(answer.text), mistake(answer.text)[:18]) == (";", "Line 2, Col 29: ex")
    answer = await checked("a = 1;\nb = nothing + 1")
    assert (underlined(answer.text), "no variable 'nothing'" in mistake(answer.text)) == ("nothing", True)
    assert underlined((await checked("a = ")).text) == " ", "where the formula has ended"
    assert "\n\na = </pre>".replace("</pre>", "<mark>") in (await checked("\na = ")).text, (
        "the first line end after a tag is none of the text"
    )
    fine = await checked(OTHER)
    assert (underlined(fine.text), mistake(fine.text)) == ("", "")


async def test_hostile_formulas_are_seen_and_do_nothing(scaled: Browser) -> None:
    formula = f"</textarea>{HOSTILE}</pre>"
    entry = AutoScaleEvaluation(
        time=Timestamp(1), what="failed", why=HOSTILE, formula=HOSTILE, results=f"x={HOSTILE}", marked=HOSTILE
    )
    await add_turn(scaled, entry)
    for what in ("check", "try", "enable"):
        answer = await scaled.post(f"{PAGE}/{what}", {"formula": formula, "interval": HOSTILE})
        assert answer.status in (200, 400)
        assert "&lt;/textarea&gt;&lt;script&gt;alert(" in answer.text
        assert "⟨202E⟩" in answer.text
        assert "<script>alert" not in answer.text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", answer.text)
    page = await scaled.page(PAGE)
    assert page.count(SEEN) == 3
    assert "<script>alert" not in page


# -- a trial


async def test_a_trial_says_what_it_comes_to_and_changes_nothing(scaled: Browser) -> None:
    await sample(scaled, {"$ActiveTasks": 4}, {"$ActiveTasks": 5})
    before = await pool(scaled)
    answer = await scaled.post(f"{PAGE}/try", {"formula": OTHER, "interval": "PT5M"})
    assert answer.status == 200
    text = unescape(answer.text)
    assert "5 dedicated and 0 low-priority nodes, where the pool is to have 0 and 0." in text
    assert '<code>most</code></td><td data-name="Value"><code>7</code>' in text
    assert "<code>$ActiveTasks</code>: 2, since" in text
    assert field(answer.text) == OTHER, "what was typed stays"
    assert "hx-sse:connect" not in answer.text, "a page that was sent for a form is not followed"
    assert await pool(scaled) == before


async def test_a_trial_says_what_stands_in_the_way(scaled: Browser) -> None:
    scaled.api.owner.limited = Limits(core_quota=8, max_nodes=None)
    await scaled.api.update(schema.pools, allocation_state="resizing")
    answer = await scaled.post(f"{PAGE}/try", {"formula": "$TargetDedicatedNodes = 500"})
    text = unescape(answer.text)
    assert "The pool is resizing: a formula has its turn while it is steady." in text
    assert "core quota of 8, at 2 cores each, is too small for the pool's 500 nodes" in text


async def test_a_trial_that_fails_is_underlined(scaled: Browser) -> None:
    answer = await scaled.post(f"{PAGE}/try", {"formula": "a = 1;\n$TargetDedicatedNodes = a / 0"})
    assert answer.status == 200
    assert mistake(answer.text).startswith("Line 2, Col 27: ")
    assert underlined(answer.text) == "/"
    assert "it comes to no result" in answer.text


async def test_a_formula_is_tried_beforehand_over_this_moment(plain: Browser) -> None:
    assert "/autoscale/try" in await plain.page(PAGE)
    answer = await plain.post(f"{PAGE}/try", {"formula": "$TargetDedicatedNodes = 1 + $PendingTasks.Count()"})
    assert answer.status == 200
    assert "2 dedicated and 0 low-priority nodes" in answer.text
    assert "This formula has seen one, of this moment." in answer.text
    assert (await pool(plain))["enableAutoScale"] is False


# -- who may what


async def test_a_portal_for_reading_tries_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, is_read_only=True) as browser:
        await browser.enter()
        await browser.api.add_pool("films", **SCALED)
        page = await browser.page(PAGE)
        assert field(page) == FORMULA
        for offered in ("/enable", "/disable", 'name="interval"', "Ready-made"):
            assert offered not in page
        assert (await browser.post(f"{PAGE}/try", {"formula": FORMULA})).status == 200
        assert (await browser.post(f"{PAGE}/check", {"formula": FORMULA})).status == 200
        for what in ("enable", "disable"):
            assert (await browser.post(f"{PAGE}/{what}", {"formula": OTHER})).status == 403
        assert (await pool(browser))["autoScaleFormula"] == FORMULA


@pytest.mark.parametrize("what", ["check", "try", "enable", "disable"])
async def test_nothing_is_done_for_who_has_not_the_session_s_token(scaled: Browser, what: str) -> None:
    form = {"formula": OTHER}
    assert (await scaled.ask("POST", f"{ROOT}{PAGE}/{what}", form)).status == 403
    assert (await scaled.post(f"{PAGE}/{what}", form, origin="https://evil.example")).status == 400
    assert (await scaled.get(f"{PAGE}/{what}")).status == 405
    assert (await scaled.post(f"/batch/devbatch/pools/none/autoscale/{what}", form)).status == 404
    assert (await pool(scaled))["autoScaleFormula"] == FORMULA


@pytest.mark.parametrize("settings", [{}, SCALED])
async def test_a_resize_that_fell_short_is_told(operator: Browser, settings: dict[str, object]) -> None:
    await operator.api.add_pool("films", **settings)
    await operator.api.update(
        schema.pools, resize_errors=b'[{"code":"AccountCoreQuotaReached","message":"No cores are left."}]'
    )
    page = await operator.page(PAGE)
    assert "No cores are left." in page
    assert ("Resize it again" in page) is (not settings)


async def test_a_pool_that_is_not_there_has_no_page(operator: Browser) -> None:
    assert (await operator.get(PAGE)).status == 404


# -- turns, and what was sampled


async def test_turns_are_told_with_what_they_saw(scaled: Browser) -> None:
    seen = SampledVariable(name="$ActiveTasks", count=3, begin=Timestamp(5), last=(1.0, 2.5))
    for number in range(25):
        what = "resized" if number == 24 else "skipped"
        entry = AutoScaleEvaluation(
            time=Timestamp(number), what=what, why=f"why {number}.", formula=FORMULA, samples=(seen,)
        )
        await add_turn(scaled, entry)
    page = await scaled.page(PAGE)
    assert page.count('<tr id="turn-') == 20
    assert page.index("why 24.") < page.index("why 5.")
    assert "<code>1.0 2.5</code>" in page
    assert f"{PAGE}?turns=all" in page
    assert (await scaled.page(f"{PAGE}?turns=all")).count('<tr id="turn-') == 25


async def test_what_was_sampled_is_drawn_and_listed(scaled: Browser) -> None:
    assert "There is no sample yet: one is taken every 30 s." in await scaled.page(PAGE)
    await sample(scaled, *({SAMPLED[0]: 2.0, SAMPLED[2]: float(each), SAMPLED[3]: 1.0} for each in range(40)))
    page = await scaled.page(PAGE)
    assert 'aria-label="Tasks over time; at the end 39 active tasks, 1 running tasks."' in page
    assert page.count("<tr><td><time") == 40
    assert "style=" not in page
    for span in ("6 hours", "day", "week", "%00"):
        assert 'class="lines"' in await scaled.page(f"{PAGE}?span={span.replace(' ', '%20')}")


async def test_samples_appear_by_themselves(scaled: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(autoscale, "AGAIN_SECONDS", 0.01)
    page = await scaled.page(PAGE)
    async with following(scaled, stream_of(page)) as stream:
        await sample(scaled, {SAMPLED[2]: 6.0})
        data = (await stream.next())["data"]
        assert "at the end 6 active tasks" in data
        assert "<textarea" not in data, "what is typed stays"


async def test_only_what_the_chart_shows_is_read(scaled: Browser) -> None:
    now = scaled.clock.now().ticks
    old = {"pool_no": 1, "at": now - 5 * 3600 * SECOND, "measured": stored({SAMPLED[2]: 77.0})}
    await scaled.api.database.write(lambda c: c.execute(sa.insert(schema.samples), [old]))
    await sample(scaled, {SAMPLED[2]: 6.0})
    assert ">77</td>" not in await scaled.page(PAGE)
    assert ">77</td>" in await scaled.page(f"{PAGE}?span=6%20hours")


EVERY = Duration.of(seconds=30)


def history(*values: float | None) -> History:
    """Of active tasks, a sample every half minute; None where there is none."""
    points = [(30 * SECOND * (place + 1), value) for place, value in enumerate(values) if value is not None]
    return History(EVERY, None, {"$ActiveTasks": points})


def pieces(found: chart.Chart | None, name: str) -> list[list[tuple[float, float]]]:
    assert found is not None
    (line,) = [line for figure in found.figures for line in figure.lines if line.name == name]
    return [
        [(float(x), float(y)) for x, _, y in (corner.partition(",") for corner in piece.split())]
        for piece in line.pieces
    ]


def test_nothing_is_drawn_where_nothing_was_sampled() -> None:
    assert chart.of(history(), [], 3600 * SECOND) is None


def test_a_gap_stays_a_gap() -> None:
    found = chart.of(history(1, 1, 1, *[None] * 20, 4, 4), [], 3600 * SECOND)
    assert [len(piece) for piece in pieces(found, "active tasks")] == [3, 2]
    alone = chart.of(history(1), [], 3600 * SECOND)
    assert pieces(alone, "active tasks") == [[(600, 2), (600, 2)]], "a dot"


def test_a_peak_is_not_lost_in_a_long_time() -> None:
    found = chart.of(history(*[1.0] * 1000, 90.0, *[1.0] * 1500), [], 86_400 * SECOND)
    (line,) = pieces(found, "active tasks")
    assert len(line) <= chart.MOST_POINTS
    assert min(y for _, y in line) == 13.6, "90 of 100"
    assert found is not None
    assert len(found.rows) <= chart.MOST_ROWS


def turn(at: int, dedicated: int | None) -> AutoScaleEvaluation:
    if dedicated is None:
        return AutoScaleEvaluation(time=Timestamp(at), what="skipped", formula=FORMULA)
    results = f"$TargetDedicatedNodes={dedicated};$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
    return AutoScaleEvaluation(time=Timestamp(at), what="resized", formula=FORMULA, results=results)


def test_targets_hold_from_turn_to_turn() -> None:
    log = [turn(900 * SECOND, 4), turn(600 * SECOND, None), turn(300 * SECOND, 2)]
    found = chart.of(history(*[1.0] * 40), log, 1200 * SECOND)
    assert pieces(found, "target of dedicated nodes") == [
        [(150, 60), (450, 60), (450, 2), (600, 2), (600, 2)]
    ]
    assert found is not None
    assert [name for name in found.columns if "low-priority" in name] == [], "it has none"
    by_time = {at.ticks // SECOND: values for at, values in found.rows}
    assert (by_time[60][1], by_time[600][1], by_time[1200][1]) == ("–", "2", "4")


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (0.5, 1), (3, 3), (5, 5), (9, 10), (10, 10), (11, 20), (1e6, 10**6)]
)
def test_a_scale_ends_at_a_round_number(highest: float, top: int) -> None:
    found = chart.of(history(highest), [], 3600 * SECOND)
    assert found is not None
    assert found.figures[1].top == top
