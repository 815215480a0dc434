"""The stubs say what the compiled module holds, and the package is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


ROOM = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOM, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubtest() -> None:
    run("mypy.stubtest", "--mypy-config-file", "pyproject.toml", "sekisho")


def test_mypy() -> None:
    run("mypy")
