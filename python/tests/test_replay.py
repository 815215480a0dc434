"""Replay of tables: libraries and types, order, gaps, refusals, Arrow out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sekisho
from conftest import KEY, START
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = 50
TIMES = [START + 1000 * (37 * n % ROWS) for n in range(ROWS)]
COLUMNS: dict[str, Any] = {
    "id": [f"e-{n}" for n in range(ROWS)],
    "type": ["payment" if n % 7 else "login" for n in range(ROWS)],
    "time": [datetime.fromtimestamp(time / 1000, timezone.utc) for time in TIMES],
    "account": [f"a-{n % 3}" for n in range(ROWS)],
    "amount_minor": [None if n % 11 == 5 else 100 + n for n in range(ROWS)],
    "country": [None if n % 5 == 0 else ("JP", "SG")[n % 2] for n in range(ROWS)],
    "ip": [f"198.51.100.{n}" for n in range(ROWS)],
    "device.rooted": [None if n % 4 == 0 else n % 3 == 0 for n in range(ROWS)],
    "latitude": [None if n % 6 == 0 else n / 7 for n in range(ROWS)],
}


def table() -> pa.Table:
    return pa.table(COLUMNS)


def changed(name: str, column: Any) -> pa.Table:
    source = table()
    return source.set_column(source.column_names.index(name), name, column)


def by_hand(policy: sekisho.Policy) -> list[sekisho.Decision]:
    """What single calls in the order of time answer, in the order of rows."""
    engine = sekisho.Engine(policy, key=KEY)
    answers: dict[int, sekisho.Decision] = {}
    for row in sorted(range(ROWS), key=lambda row: TIMES[row]):
        engine.advance(TIMES[row])
        answers[row] = engine.assess({name: column[row] for name, column in COLUMNS.items()})
    return [answers[row] for row in range(ROWS)]


def as_rows(answers: sekisho.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(answers).to_pylist()
    return rows


def expected_rows(policy: sekisho.Policy) -> list[dict[str, Any]]:
    return [
        {
            "id": COLUMNS["id"][row],
            "score": decision.score,
            "action": decision.action,
            "reasons": [reason.code for reason in decision.reasons],
        }
        | decision.features
        for row, decision in enumerate(by_hand(policy))
    ]


def struct_frame() -> pa.Table:
    source = table()
    rooted = pa.StructArray.from_arrays([source["device.rooted"].combine_chunks()], ["rooted"])
    account = pa.StructArray.from_arrays([source["account"].combine_chunks()], ["id"])
    return source.drop_columns(["device.rooted", "account"]).append_column("device", rooted).append_column(
        "account", account
    )


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(COLUMNS)


def pandas_frame() -> pd.DataFrame:
    frame = pd.DataFrame(COLUMNS, index=[f"row {n}" for n in range(ROWS)])
    frame["amount_minor"] = frame["amount_minor"].astype("Int64")
    frame["type"] = frame["type"].astype("category")
    return frame


def milliseconds() -> pa.Table:
    return changed("time", pa.array(TIMES, pa.int64()))


FRAMES: dict[str, Callable[[], Any]] = {
    "pyarrow table": table,
    "pyarrow batch": lambda: table().combine_chunks().to_batches()[0],
    "pyarrow reader": lambda: table().to_reader(max_chunksize=7),
    "pyarrow chunks": lambda: pa.Table.from_batches(table().to_batches(max_chunksize=7)),
    "pyarrow struct": struct_frame,
    "pandas": pandas_frame,
    "polars": polars_frame,
    "polars categories": lambda: polars_frame().with_columns(pl.col("type").cast(pl.Categorical)),
    "integer times": milliseconds,
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_library_gives_what_single_calls_give(policy: sekisho.Policy, name: str) -> None:
    answers = sekisho.Engine(policy, key=KEY).replay(FRAMES[name]())
    assert len(answers) == ROWS
    assert as_rows(answers) == expected_rows(policy)


CASTS: dict[str, list[pa.DataType]] = {
    "time": [
        pa.timestamp("s", "UTC"),
        pa.timestamp("ms", "+09:00"),
        pa.timestamp("us", "UTC"),
        pa.timestamp("ns", "Asia/Tokyo"),
    ],
    "amount_minor": [pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
    "account": [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    "type": [pa.dictionary(pa.uint8(), pa.large_string()), pa.string_view()],
    "latitude": [pa.float64()],
}


@pytest.mark.parametrize(("name", "to"), [(name, to) for name, types in CASTS.items() for to in types], ids=str)
def test_every_type_of_a_kind_is_taken(policy: sekisho.Policy, name: str, to: pa.DataType) -> None:
    answers = sekisho.Engine(policy, key=KEY).replay(changed(name, table()[name].cast(to)))
    assert as_rows(answers) == expected_rows(policy)


def test_nulls_and_structs_of_nulls_are_absent(engine: sekisho.Engine) -> None:
    whole = {"type": ["payment"], "time": [START], "account": ["a"]}
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array([None], pa.string()))
    empty = pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), pa.array([], pa.string()))
    device = pa.array([None], pa.struct({"platform": pa.string()}))
    answers = engine.replay(
        pa.table(whole | {"country": dictionary, "channel": empty, "device": device, "mcc": pa.nulls(1)})
    )
    assert as_rows(answers)[0]["account_count_1d"] == 0


def test_answers_are_typed(engine: sekisho.Engine) -> None:
    answers = engine.replay(table())
    schema = pa.schema(answers)
    assert answers.column_names == schema.names
    assert schema.field("id").type == pa.string()
    assert schema.field("score").type == pa.uint16()
    assert schema.field("action").type == pa.dictionary(pa.int8(), pa.string())
    assert schema.field("reasons").type.value_type == pa.string()
    assert schema.field("account_count_1d").type == pa.int64()
    assert schema.field("account_mean_1d").type == pa.float64()
    assert schema.field("since_last").type == pa.duration("ms")
    assert schema.field("last_login_at").type == pa.timestamp("ms", "UTC")
    assert schema.field("was_rooted").type == pa.bool_()
    assert schema.field("account_last_country").type == pa.string()
    assert answers.to_pandas()["score"].tolist() == answers.to_polars()["score"].to_list()
    assert answers.to_pyarrow() == pa.table(answers)
    assert repr(answers).startswith("Table(50 rows: id, score, action")


def test_a_reader_keeps_its_chunks_and_ids_keep_their_type(engine: sekisho.Engine) -> None:
    source = pa.Table.from_batches(changed("id", pa.array(range(ROWS), pa.uint32())).to_batches(max_chunksize=20))
    answers = pa.table(engine.replay(source, batch_rows=3))
    assert [len(batch) for batch in answers.to_batches()] == [20, 20, 10]
    assert answers["id"].type == pa.uint32() and answers["id"].to_pylist() == list(range(ROWS))


def test_an_empty_table_has_an_empty_answer(engine: sekisho.Engine) -> None:
    for source in (table().slice(0, 0), pa.Table.from_batches([], schema=table().schema)):
        answers = engine.replay(source)
        assert len(answers) == 0 and pa.table(answers).num_rows == 0


def test_ties_stay_in_the_order_of_rows(engine: sekisho.Engine) -> None:
    frame = pl.DataFrame({"type": ["payment"] * 3, "time": [START, START - 5, START], "account": ["a"] * 3})
    assert engine.replay(frame).to_polars()["account_count_1d"].to_list() == [1, 0, 2]


def test_gaps_of_years_are_taken(engine: sekisho.Engine) -> None:
    day = 86_400_000
    frame = pl.DataFrame({"type": ["payment"] * 3, "time": [START, START + 400 * day, START + 9000 * day], "account": ["a"] * 3})
    answers = engine.replay(frame).to_polars()
    assert answers["since_last"].to_list() == [None, timedelta(days=400), timedelta(days=8600)]


def test_labels_count_when_they_are_learnt(engine: sekisho.Engine) -> None:
    hour = 3_600_000
    frame = pl.DataFrame(
        {
            "id": ["1", "2", "3", "4"],
            "type": ["payment"] * 4,
            "time": [START + n * hour for n in range(4)],
            "account": ["a"] * 4,
            "label": ["fraud", "fraud", None, None],
            "labelled_at": [START + 2 * hour + hour // 2, None, None, None],
        }
    )
    assert engine.replay(frame).to_polars()["account_frauds_30d"].to_list() == [0, 0, 1, 2]


def test_replay_and_single_calls_share_one_memory(engine: sekisho.Engine) -> None:
    engine.replay(table())
    decision = engine.score(type="payment", time=START + 60_000, account="a-1")
    assert decision.features["account_count_1d"] == sum(n % 3 == 1 for n in range(ROWS))


REFUSED: list[tuple[str, Any, str, list[str]]] = [
    ("amount_minor", pa.array([1.5] * ROWS), "wrong_type", ["a column of Float64", "expected integers", "Int64"]),
    ("amount_minor", pa.array(["1"] * ROWS), "wrong_type", ["a column of Utf8", "expected integers"]),
    ("amount_minor", pa.array([1] * ROWS).cast(pa.decimal128(21, 2)), "wrong_type", ["Decimal128(21, 2)"]),
    ("account", pa.array([1.5] * ROWS), "wrong_type", ["a column of Float64", "expected text or integers"]),
    ("account", pa.array([1.5] * ROWS), "wrong_type", ["cast it to int64", "\"Int64\"", "7.0"]),
    ("account", pa.array([b"a"] * ROWS), "wrong_type", ["a column of Binary", "cast it to text"]),
    ("time", pa.array(TIMES, pa.timestamp("ms")), "time", ["without a time zone; say which one", "tz_localize"]),
    ("time", pa.array(TIMES, pa.timestamp("ms")).dictionary_encode(), "time", ["without a time zone"]),
    ("time", pa.array([1.5] * ROWS), "wrong_type", ["a column of Float64", "expected timestamps"]),
    ("time", pa.array(["x"] * ROWS), "wrong_type", ["a column of Utf8"]),
    ("time", pa.array([1] * ROWS, pa.date32()), "wrong_type", ["a column of Date32"]),
    ("device.rooted", pa.array([1] * ROWS), "wrong_type", ["a column of Int64", "expected booleans"]),
    ("country", pa.array([1] * ROWS), "wrong_type", ["a column of Int64", "expected text"]),
    ("country", pa.array([["JP"]] * ROWS), "wrong_type", ["a column of List"]),
    ("latitude", pa.array([True] * ROWS), "wrong_type", ["a column of Boolean", "expected floats"]),
    ("account", pa.array(["a"] * 40 + [""] * 10), "empty", ["row 40: `account`", "nothing was recorded"]),
    ("account", pa.array(["a"] * 49 + ["SECRET" * 99]), "too_long", ["row 49: `account`", "594 bytes"]),
    ("account", pa.array(["a"] * 49 + ["SECRET" * 99]).dictionary_encode(), "too_long", ["row 49: `account`"]),
    ("amount_minor", pa.array([1] * 9 + [2**60] + [1] * 40), "overflow", ["row 9: `amount_minor`", "±2^53"]),
    ("amount_minor", pa.array([1] * 9 + [2**63] + [1] * 40, pa.uint64()), "overflow", ["row 9: `amount_minor`"]),
    ("latitude", pa.array([0.5] * 49 + [float("nan")]), "not_finite", ["row 49: `latitude`: found NaN"]),
    ("latitude", pa.array([0.5] * 49 + [float("inf")]), "not_finite", ["row 49: `latitude`: found inf"]),
    ("time", pa.array([*TIMES[:-1], -1]), "time", ["row 49: `time`", "1970"]),
    ("time", pa.array([*TIMES[:-1], None]), "absent", ["row 49: `time`"]),
    ("time", pa.array([*(time // 1000 for time in TIMES[:-1]), 2**62], pa.timestamp("s", "UTC")), "time", ["row 49: `time`", "year 9999"]),
    ("type", pa.array(["payment"] * 49 + [None]), "absent", ["row 49: `type`"]),
    ("type", pa.array(["payment"] * 49 + ["purchase"]), "out_of_range", ["row 49: `type`", "expected one of"]),
]


@pytest.mark.parametrize(("name", "column", "kind", "says"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_refused_column_names_itself_and_changes_nothing(
    engine: sekisho.Engine, name: str, column: Any, kind: str, says: list[str]
) -> None:
    with pytest.raises(sekisho.SekishoError) as caught:
        engine.replay(changed(name, column))
    assert (caught.value.kind, caught.value.field) == (kind, name)
    for words in [f"`{name}`", *says]:
        assert words in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert all(remembered.events == 0 for remembered in engine.statistics())


OCTETS = [b"a"] * 40 + [b"SECRET\xe9\x9a"] + [b"JPJP"] * 9


def unchecked(name: str) -> pa.Array:
    """Text that was never looked at, as pyarrow reads it from files of others."""
    if name == "text":
        return pa.array(OCTETS, pa.binary()).view(pa.string())
    if name == "large":
        return pa.array(OCTETS, pa.large_binary()).view(pa.large_string())
    if name == "view":
        return pa.array(OCTETS, pa.binary_view()).view(pa.string_view())
    if name == "slice":
        return pa.array([b"\xff", *OCTETS], pa.binary()).view(pa.string())[1:]
    values = pa.array([b"a", b"SECRET\xe9\x9a"], pa.binary()).view(pa.string())
    return pa.DictionaryArray.from_arrays(pa.array([0] * 40 + [1] + [0] * 9, pa.int8()), values)


@pytest.mark.parametrize("name", ["text", "large", "view", "slice", "dictionary"])
@pytest.mark.parametrize("field", ["id", "account", "country", "device.model"])
def test_text_that_is_no_utf8_is_refused(engine: sekisho.Engine, name: str, field: str) -> None:
    columns = table().drop_columns([field] if field in COLUMNS else [])
    with pytest.raises(sekisho.SekishoError) as caught:
        engine.replay(columns.append_column(field, unchecked(name)))
    assert (caught.value.kind, caught.value.field) == ("utf8", field)
    assert str(caught.value).startswith(f"row 40: `{field}`: found bytes that are not UTF-8")
    assert str(caught.value).endswith("nothing was recorded") and "SECRET" not in str(caught.value)
    assert all(remembered.events == 0 for remembered in engine.statistics())


def test_a_value_is_not_read_beyond_its_end(engine: sekisho.Engine) -> None:
    # The first ends within a character that the second would go on with.
    cut = pa.array(["高"] * ROWS).cast(pa.binary())
    ends = pa.array([0, 1, *range(3, 3 * ROWS, 3)], pa.int32()).buffers()[1]
    column = pa.StringArray.from_buffers(ROWS, ends, cut.buffers()[2])
    with pytest.raises(sekisho.SekishoError, match="row 0: `account`: found bytes that are not UTF-8"):
        engine.replay(changed("account", column))
    backwards = pa.array([0, 9, 3, *range(9, 9 + 3 * (ROWS - 2), 3)], pa.int32()).buffers()[1]
    with pytest.raises(ValueError, match="the Arrow data cannot be read"):
        engine.replay(changed("account", pa.StringArray.from_buffers(ROWS, backwards, cut.buffers()[2])))


def test_what_stands_under_a_null_may_be_anything(policy: sekisho.Policy) -> None:
    octets = pa.array([b"\xff" if n % 5 == 0 else ("JP", "SG")[n % 2].encode() for n in range(ROWS)])
    known = pa.array([n % 5 != 0 for n in range(ROWS)]).buffers()[1]
    column = pa.Array.from_buffers(pa.string(), ROWS, [known, *octets.buffers()[1:]])
    answers = sekisho.Engine(policy, key=KEY).replay(changed("country", column))
    assert as_rows(answers) == expected_rows(policy)


@pytest.mark.parametrize("key", [7, -1])
def test_a_key_that_its_dictionary_lacks_is_refused(engine: sekisho.Engine, key: int) -> None:
    keys = pa.array([0] * 9 + [key] + [0] * 40, pa.int32())
    column = pa.DictionaryArray.from_arrays(keys, pa.array(["a"]), safe=False)
    with pytest.raises(sekisho.SekishoError, match="row 9: `account`: found a key that its dictionary") as caught:
        engine.replay(changed("account", column))
    assert (caught.value.kind, caught.value.field) == ("out_of_range", "account")


def test_columns_that_are_no_fields(engine: sekisho.Engine) -> None:
    with pytest.raises(sekisho.SekishoError, match="did you mean `account`.*extra=\"ignore\"") as caught:
        engine.replay(table().append_column("acount", pa.array(range(ROWS))))
    assert (caught.value.kind, caught.value.field) == ("unknown_name", "acount")
    nested = pa.array([{"a": 1}] * ROWS)
    more = table().append_column("weather", pa.array(range(ROWS))).append_column("nested", nested)
    with pytest.raises(sekisho.SekishoError, match="`weather`: .*; nor are `nested.a` fields; drop the column") as caught:
        engine.replay(more)
    assert (caught.value.kind, caught.value.field) == ("unknown_name", "weather")
    assert len(engine.replay(more, extra="ignore")) == ROWS
    with pytest.raises(ValueError, match="extra"):
        engine.replay(table(), extra="some")  # type: ignore[call-overload,arg-type]
    with pytest.raises(ValueError, match="batch_rows"):
        engine.replay(table(), batch_rows=0)


def test_absent_and_double_columns(engine: sekisho.Engine) -> None:
    for name in ("time", "type"):
        with pytest.raises(sekisho.SekishoError, match=f"`{name}`: this field is absent"):
            engine.replay(table().drop_columns([name]))
    with pytest.raises(sekisho.SekishoError, match="two columns"):
        engine.replay(table().append_column("account", table()["account"]))


@pytest.mark.parametrize("frame", [7, "frame", {"type": ["payment"]}, None])
def test_what_is_no_table(engine: sekisho.Engine, frame: Any) -> None:
    with pytest.raises(TypeError, match="expected a table"):
        engine.replay(frame)


def test_a_row_that_the_policy_refuses_says_how_far_it_came() -> None:
    # What a policy requires is found only while scoring.
    text = '[policy]\nname = "r"\nversion = "1"\ncurrency = "JPY"\nrequired_fields = ["country"]\n'
    text += '[[feature]]\nname = "n"\naggregate = "count"\nby = ["account"]\nover = "1d"\n'
    text += '[decision]\nbands = [{ from = 0, action = "allow" }]'
    engine = sekisho.Engine(sekisho.Policy.parse(text), key=KEY)
    frame = {"type": ["payment"] * 3, "time": [START + 3, START + 1, START + 2], "account": ["a"] * 3, "country": [None, "JP", "JP"]}
    with pytest.raises(sekisho.SekishoError, match="row 0: `country`.*the 2 rows before it in time were recorded"):
        engine.replay(pa.table(frame))
    assert engine.statistics()[0].events == 2


def test_progress_counts_every_row(engine: sekisho.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Bar:
        def update(self, rows: int) -> None:
            seen.append(rows)

        def close(self) -> None:
            seen.append(-1)

    monkeypatch.setattr("sekisho._progress.bar", lambda total: Bar())
    engine.replay(table(), progress=True, batch_rows=20)
    assert seen == [20, 20, 10, -1]


def test_tqdm_draws_the_bar(engine: sekisho.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.replay(table(), progress=True)
    assert "replay: 100%" in capsys.readouterr().err


def test_other_threads_run_during_a_replay(policy: sekisho.Policy) -> None:
    rows = 200_000
    frame = pa.table(
        {
            "type": pa.array(["payment"] * rows).dictionary_encode(),
            "time": pa.array(START + 100 * np.arange(rows)),
            "account": pa.array(np.arange(rows) % 5000),
        }
    )
    engine, ticks, done = sekisho.Engine(policy, key=KEY), 0, threading.Event()

    def run() -> None:
        engine.replay(frame, batch_rows=rows)
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    while not done.is_set():
        ticks += 1
        done.wait(0.001)
    thread.join()
    # One call into the library: had it kept the lock, this loop would have turned once or twice.
    assert ticks > 10, f"{ticks} turns on {os.cpu_count()} processors"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["payment", "login"]),
            st.integers(START, START + 10**9),
            st.sampled_from(["a", "b", None]),
            st.none() | st.integers(-(2**53), 2**53),
            st.none() | st.sampled_from(["JP", "SG"]),
        ),
        max_size=30,
    ),
    st.integers(1, 7),
)
def test_replay_is_single_calls(policy: sekisho.Policy, rows: list[tuple[Any, ...]], chunk: int) -> None:
    names = ["type", "time", "account", "amount_minor", "country"]
    types = [pa.string(), pa.int64(), pa.string(), pa.int64(), pa.string()]
    columns = [pa.array([row[n] for row in rows], kind) for n, kind in enumerate(types)]
    batches = pa.table(columns, names=names).to_batches(max_chunksize=chunk)
    frame = pa.Table.from_batches(batches, pa.schema(zip(names, types, strict=True)))
    found = as_rows(sekisho.Engine(policy, key=KEY).replay(frame, batch_rows=chunk))
    engine = sekisho.Engine(policy, key=KEY)
    for row in sorted(range(len(rows)), key=lambda row: rows[row][1]):
        engine.advance(rows[row][1])
        decision = engine.assess(dict(zip(names, rows[row], strict=True)))
        answer = found[row]
        assert {name: answer[name] for name in decision.features} == decision.features
        assert (answer["score"], answer["action"]) == (decision.score, decision.action)
        assert answer["reasons"] == [reason.code for reason in decision.reasons]


@pytest.mark.parametrize("name", ["score", "action", "reasons"])
def test_a_feature_with_the_name_of_another_column_is_refused(name: str) -> None:
    text = f"""
        [policy]
        name = "names"
        version = "1"
        currency = "JPY"
        [[feature]]
        name = "{name}"
        aggregate = "count"
        by = ["account"]
        over = "1d"
        [decision]
        bands = [{{ from = 0, action = "allow" }}]
    """
    engine = sekisho.Engine(sekisho.Policy.parse(text), bytes(32))
    with pytest.raises(ValueError, match=f"`{name}` has the name of a column"):
        engine.replay(table())
    assert all(remembered.events == 0 for remembered in engine.statistics())
