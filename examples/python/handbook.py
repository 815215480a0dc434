"""Computes the window features of a table of card transactions, and checks them.

    python handbook.py FILE.parquet [--check] [--out FEATURES.parquet]

FILE has the columns of the "Reproducible Machine Learning for Credit Card Fraud Detection" handbook:
TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_FRAUD. The policy is
`../policies/handbook.toml`.

With --check, the twelve features are computed a second time with NumPy, from their definition alone: per customer
over 1, 7 and 30 days the count and the mean amount of the transactions in (t - w, t], per terminal the count and the
share of frauds in (t - 7d - w, t - 7d].
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sekisho

POLICY = Path(__file__).resolve().parent.parent / "policies" / "handbook.toml"
DAY = 86_400_000
DAYS = (1, 7, 30)
DELAY = 7 * DAY
MOST_TIES = 20
TOLERANCE = 1e-9

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def events(transactions: pa.Table) -> pa.Table:
    """The transactions as events: columns with the names of the fields."""
    rows = transactions.num_rows
    cents = pc.cast(pc.round(pc.multiply(transactions["TX_AMOUNT"], 100.0)), pa.int64())
    is_fraud = pc.equal(transactions["TX_FRAUD"], 1)
    # Without `labelled_at`, a label counts from its event on; the features look at it 7 days later.
    label = pc.if_else(is_fraud, pa.scalar("fraud"), pa.scalar(None, pa.string()))
    payment = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["payment"]))
    return pa.table(
        {
            "id": transactions["TRANSACTION_ID"],
            "type": payment,
            "time": pc.assume_timezone(transactions["TX_DATETIME"], "UTC"),
            "account": transactions["CUSTOMER_ID"],
            "terminal": transactions["TERMINAL_ID"],
            "amount_minor": cents,
            "label": label,
        }
    )


def naive(table: pa.Table) -> dict[str, Floats]:
    """The features by their definition, all rows at once. Knows nothing of sekisho."""
    when = table["time"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    amount = table["amount_minor"].to_numpy()
    fraud = pc.is_valid(table["label"]).to_numpy().astype(np.int64)
    features: dict[str, Floats] = {}
    customers = Histories(table["account"].to_numpy(), when)
    terminals = Histories(table["terminal"].to_numpy(), when)
    for days in DAYS:
        count, spent = customers.within(days * DAY, 0, amount)
        features[f"customer_count_{days}d"] = count.astype(np.float64)
        features[f"customer_mean_{days}d"] = spent / count
        count, frauds = terminals.within(days * DAY, DELAY, fraud)
        features[f"terminal_count_{days}d"] = count.astype(np.float64)
        features[f"terminal_risk_{days}d"] = frauds / np.maximum(count, 1)
    return features


class Histories:
    """The transactions of each entity, one after the other and each by time, on a single number line."""

    def __init__(self, entity: Integers, when: Integers) -> None:
        _, number = np.unique(entity, return_inverse=True)
        # Entities lie further apart than any window reaches.
        self.at = number.astype(np.int64) * (when.max() - when.min() + 100 * DAY) + (when - when.min()) + 50 * DAY
        # Stable: transactions of one second stay in the order of the table, in which they arrived.
        self.order = np.argsort(self.at, kind="stable")
        self.line = self.at[self.order]
        self.place = np.empty(len(when), dtype=np.int64)
        self.place[self.order] = np.arange(len(when))

    def within(self, window: int, delay: int, values: Integers) -> tuple[Integers, Integers]:
        """For each transaction, how many of its entity lie in (t - delay - window, t - delay], and their sum."""
        sums = np.concatenate([[0], np.cumsum(values[self.order])])
        first = np.searchsorted(self.line, self.at - delay - window, side="right")
        # Without a delay the window ends with the transaction itself: what arrives later is not known yet.
        last = np.searchsorted(self.line, self.at - delay, side="right") if delay else self.place + 1
        return last - first, sums[last] - sums[first]

    def later_twins(self) -> npt.NDArray[np.bool_]:
        """The transactions after which another of their entity arrives in the same instant."""
        later = np.zeros(len(self.line), dtype=bool)
        later[self.order[:-1]] = self.line[1:] == self.line[:-1]
        return later


def check(answers: pa.Table, table: pa.Table) -> bool:
    """Reports on every feature; true when nothing differs but ties, and few of them."""
    print(f"compared with a naive recomputation, to {TOLERANCE:g}:")
    different = np.zeros(table.num_rows, dtype=bool)
    for name, expected in naive(table).items():
        # A share of nothing is missing here, and 0 in the handbook.
        off = np.abs(answers[name].cast(pa.float64()).fill_null(0.0).to_numpy() - expected)
        print(f"  {name:<20} {(off > TOLERANCE).sum():>4} rows differ, largest difference {off.max():.3g}")
        different |= off > TOLERANCE
    when = table["time"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    twins = Histories(table["account"].to_numpy(), when).later_twins()
    ties, all_different = int((different & twins).sum()), int(different.sum())
    print(f"  {all_different} of {table.num_rows:,} rows differ, {ties} of them in ties")
    print(
        f"  {twins.sum()} transactions have a later one of the same customer in the same second. Each is answered\n"
        "  before the later one arrives, so it does not count it; the recomputation keeps that order too."
    )
    return all_different == ties <= MOST_TIES


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE", help="the transactions, as Parquet")
    parser.add_argument("--check", action="store_true", help="compare with a naive recomputation")
    parser.add_argument("--out", type=Path, help="write the answers to this Parquet file")
    parser.add_argument("--progress", action="store_true", help="show a progress bar")
    arguments = parser.parse_args()

    table = events(pq.read_table(arguments.file))
    # A measurement needs no secret; in production the key comes from where secrets are kept.
    engine = sekisho.Engine(sekisho.Policy.load(POLICY), key=bytes(32))

    start = time.perf_counter()
    answers = pa.table(engine.replay(table, progress=arguments.progress))
    seconds = time.perf_counter() - start
    print(
        f"{table.num_rows:,} rows, {len(engine.policy.features)} features: {seconds:.2f} s, "
        f"{table.num_rows / seconds:,.0f} rows/s, {seconds / table.num_rows * 1e6:.2f} us a row"
    )
    for remembered in engine.statistics():
        print(f"  {remembered.name}: {remembered.entities:,} histories, {remembered.events:,} events remembered")

    if arguments.out:
        pq.write_table(answers, arguments.out)
    return 0 if not arguments.check or check(answers, table) else 1


if __name__ == "__main__":
    sys.exit(main())
