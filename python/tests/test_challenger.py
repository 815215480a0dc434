"""A policy on trial: heard on every event, without a difference to what is decided."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sekisho
from conftest import KEY, POLICY, START

# Another window and another rule over what the policy in force remembers.
STRICTER = POLICY.replace('version = "1"', 'version = "2"').replace("account_count_1d >= 3", "account_count_2h >= 2")
STRICTER = STRICTER.replace("'100 * account_count_1d'", "'250 * account_count_1d'").replace(
    "[decision]",
    '[[feature]]\nname = "account_count_2h"\naggregate = "count"\nby = ["account"]\nover = "2h"\n\n[decision]',
)


@pytest.fixture(scope="module")
def stricter() -> sekisho.Policy:
    return sekisho.Policy.parse(STRICTER)


def payment(n: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"e-{n}", "type": "payment", "time": START + n * 60_000, "account": "a-1", "ip": "198.51.100.1"} | fields


def test_a_trial_ends_while_a_snapshot_is_written(engine: sekisho.Engine, stricter: sekisho.Policy) -> None:
    engine.challenge_with(stricter)
    engine.assess(payment(0))
    writing = threading.Event()

    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            writing.set()
            time.sleep(0.01)
            return super().write(data)

    thread = threading.Thread(target=engine.snapshot, args=(Slow(),))
    thread.start()
    writing.wait()
    # It waits for the snapshot, which waits for the interpreter.
    assert engine.end_challenge() == stricter
    thread.join()


def test_it_is_heard_and_changes_nothing(policy: sekisho.Policy, stricter: sekisho.Policy) -> None:
    alone, tried, itself = (sekisho.Engine(made, key=KEY) for made in (policy, policy, stricter))
    report = tried.challenge_with(stricter)
    assert report == sekisho.ChallengerReport([feature.name for feature in policy.features], ["account_count_2h"])
    assert (alone.challenger, tried.challenger) == (None, stricter)
    for n in range(6):
        without, decision, own = (engine.assess(payment(n)) for engine in (alone, tried, itself))
        assert decision.record() == without.record()
        assert without.challenger is None and "challenger" not in repr(without)
        challenger = decision.challenger
        assert challenger is not None and challenger.policy == stricter and challenger.challenger is None
        assert challenger.record() == own.record()
        assert challenger.explain() == own.explain()
    assert (decision.action, challenger.action) == ("review", "deny")
    assert (decision.score, challenger.score) == (500, 999)
    assert repr(decision) == f"{repr(without)[:-1]}, challenger={challenger!r})"

    assert tried.end_challenge() == stricter
    assert tried.end_challenge() is None
    assert tried.challenger is None and tried.assess(payment(7)).challenger is None


def test_html_shows_it(engine: sekisho.Engine, stricter: sekisho.Policy) -> None:
    engine.assess(payment(0))
    engine.assess(payment(1))
    assert "on trial" not in engine.score(payment(2))._repr_html_()
    engine.challenge_with(stricter)
    html = engine.score(payment(2))._repr_html_()
    for shown in ("on trial", "tests 2", "account_count_2h &gt;= 2", "2 &gt;= 2"):
        assert shown in html, shown


def test_one_that_needs_more_is_refused(engine: sekisho.Engine, stricter: sekisho.Policy) -> None:
    engine.challenge_with(stricter)
    with pytest.raises(sekisho.SekishoError, match="needs histories of `merchant`.*give that policy a feature by it") as caught:
        engine.challenge_with(sekisho.Policy.parse(STRICTER.replace('by = ["account"]\nover = "2h"', 'by = ["merchant"]')))
    assert caught.value.kind == "unknown_name"
    other = STRICTER.replace('name = "is_guest"', 'name = "is_staff"')
    with pytest.raises(sekisho.SekishoError, match="declares other attributes") as caught:
        engine.challenge_with(sekisho.Policy.parse(other))
    assert caught.value.kind == "schema"
    assert engine.challenger == stricter, "the one before goes on"


def test_it_ends_at_a_swap_that_it_does_not_fit(engine: sekisho.Engine, stricter: sekisho.Policy) -> None:
    assert not engine.swap(engine.policy).challenger_ended
    engine.challenge_with(stricter)
    assert not engine.swap(sekisho.Policy.parse(POLICY.replace("= 300\n", "= 310\n"))).challenger_ended
    assert engine.assess(payment(0)).challenger is not None
    less = POLICY.replace('by = ["account"]', 'by = ["device"]')
    report = engine.swap(sekisho.Policy.parse(less))
    assert report.challenger_ended
    assert engine.challenger is None and engine.assess(payment(1)).challenger is None


def frame(rows: int = 40) -> pd.DataFrame:
    return pd.DataFrame([payment(n, account=f"a-{n % 3}") for n in range(rows)])


def test_a_replay_has_its_answers_in_columns(policy: sekisho.Policy, stricter: sekisho.Policy) -> None:
    alone, tried, itself = (sekisho.Engine(made, key=KEY) for made in (policy, policy, stricter))
    tried.challenge_with(stricter)
    without, answers, own = (engine.replay(frame()) for engine in (alone, tried, itself))
    names = ["challenger_score", "challenger_action", "challenger_reasons"]
    assert answers.column_names[:7] == ["id", "score", "action", "reasons", *names]
    assert not set(names) & set(without.column_names)
    assert answers.to_pyarrow().drop_columns(names) == without.to_pyarrow()
    for name in names:
        assert pa.table(answers)[name].to_pylist() == pa.table(own)[name.removeprefix("challenger_")].to_pylist()
    schema = pa.schema(answers)
    assert schema.field("challenger_score") == pa.field("challenger_score", pa.uint16())
    assert schema.field("challenger_action").type == pa.dictionary(pa.int8(), pa.string())
    # What a data scientist asks of it.
    crossed = pd.crosstab(answers.to_pandas()["action"], answers.to_pandas()["challenger_action"])
    assert crossed.to_numpy().sum() == 40 and crossed.loc["allow", "allow"] < crossed.loc["allow"].sum()
    assert answers.to_polars().filter(pl.col("action") != pl.col("challenger_action")).height > 0
    # Columns are there before there are rows.
    assert "challenger_score" in tried.replay(frame().iloc[:0].astype({"time": "int64"})).column_names


def test_rows_that_it_would_refuse_are_null(engine: sekisho.Engine) -> None:
    picky = STRICTER.replace('id = "quick"', 'id = "quick"\non_missing = "fail"').replace('mode = "shadow"\n', "")
    engine.challenge_with(sekisho.Policy.parse(picky))
    rows = engine.replay(frame(6)).to_polars()
    assert rows["challenger_score"].is_null().to_list() == [True] * 3 + [False] * 3
    assert rows["challenger_action"].is_null().to_list() == [True] * 3 + [False] * 3
    assert rows["challenger_reasons"].is_null().to_list() == [True] * 3 + [False] * 3
    assert rows["score"].null_count() == 0
    assert engine.score(payment(9, account="a-9")).challenger is None
