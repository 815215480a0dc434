"""The Python examples and the notebook run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import EXAMPLES


def run(*arguments: str | Path, **environment: str) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_quickstart() -> None:
    """It prints what the same lines print in Rust and in C."""
    shown = run(EXAMPLES / "python" / "quickstart.py")
    assert shown == (EXAMPLES / "quickstart.txt").read_text()


def test_handbook(tmp_path: Path) -> None:
    """On random transactions of the handbook's form, many of them in the same second."""
    generator = np.random.default_rng(7)
    rows = 20_000
    path, out = tmp_path / "transactions.parquet", tmp_path / "features.parquet"
    seconds = np.sort(generator.integers(0, 60 * 86_400, rows))
    transactions = pa.table(
        {
            "TRANSACTION_ID": pa.array(np.arange(rows), pa.int32()),
            "TX_DATETIME": pa.array(1_522_540_800_000 + 1000 * seconds, pa.timestamp("ms")),
            "CUSTOMER_ID": pa.array(generator.integers(0, 40, rows), pa.int32()),
            "TERMINAL_ID": pa.array(generator.integers(0, 100, rows), pa.int32()),
            "TX_AMOUNT": np.round(generator.gamma(2.0, 30.0, rows), 2),
            "TX_FRAUD": pa.array((generator.random(rows) < 0.02).astype(np.int8)),
        }
    )
    pq.write_table(transactions, path)
    shown = run(EXAMPLES / "python" / "handbook.py", path, "--check", "--out", out)
    assert "0 of 20,000 rows differ" in shown
    answers = pq.read_table(out)
    assert answers.num_rows == rows and "terminal_risk_30d" in answers.column_names


def test_notebook(tmp_path: Path) -> None:
    """Its cells run, one after the other; no server is started for that."""
    pytest.importorskip("matplotlib")
    notebook = json.loads((EXAMPLES / "notebooks" / "first_light.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in notebook["cells"] if cell["cell_type"] == "code")
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join(cells), encoding="utf-8")
    run(script, MPLBACKEND="agg")
