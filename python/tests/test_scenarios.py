"""Plays the scenarios of `examples/scenarios` and compares their traces with the golden ones, byte for byte.

The format is described there. The same files run in Rust and in C.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sekisho
from conftest import EXAMPLES

FILES = sorted((EXAMPLES / "scenarios").glob("*.txt"))
ACTIONS = ["allow", "challenge", "review", "deny"]
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


def milliseconds(time: str) -> int:
    return (datetime.fromisoformat(time) - EPOCH) // timedelta(milliseconds=1)


def duration(text: str) -> int:
    assert re.fullmatch(r"(\d+(ms|s|m|h|d))+", text), text
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", text))


def words(line: str) -> list[str]:
    """Split at blanks; between double quotes blanks do not count."""
    assert line.count('"') % 2 == 0, line
    return [word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', line)]


def pairs(parts: list[str]) -> dict[str, str]:
    return dict(part.split("=", 1) for part in parts)


@dataclass
class Player:
    """Plays one file."""

    engine: sekisho.Engine
    now: int
    number: int = 0
    actors: dict[str, tuple[bool, dict[str, str]]] = field(default_factory=dict)
    events: dict[str, sekisho.Event] = field(default_factory=dict)
    always: list[str] = field(default_factory=list)
    stopped: str = "never"
    lost: int = 0
    trace: list[str] = field(default_factory=list)
    decision: sekisho.Decision | None = None

    def __post_init__(self) -> None:
        self.kinds = {info.name: info.kind for info in self.engine.policy.fields}
        self.types = {info.name: info.type for info in self.engine.policy.features}

    def passes(self, after: str) -> None:
        self.now += duration(after)
        self.engine.advance(self.now)

    def value(self, name: str, text: str) -> Any:
        """A value as its field's kind."""
        if text.startswith("@-"):
            return self.now - duration(text[2:])
        match self.kinds.get(name):
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text]
            case "time":
                return int(text) if text.isdecimal() else milliseconds(text)
            case _:
                return text

    def step(self, name: str, kind: str, given: dict[str, str], repetition: int) -> None:
        self.number += 1
        attacks, own = self.actors[name]
        fields = {key: text.replace("{n}", str(repetition)) for key, text in (own | given).items()}
        identifier = fields.pop("id", str(self.number))
        let_through, ends = fields.pop("passes", "no") == "yes", fields.pop("ends", "approved")
        event = self.engine.event(id=identifier, type=kind, time=self.now)
        for key, text in fields.items():
            event[key] = self.value(key, text)
        decision = self.decision = self.engine.assess(event)
        self.write(decision)

        let_by = decision.action == "allow" or (decision.action == "challenge" and let_through)
        outcome = fields.get("outcome")
        end: Any = None
        if let_by:
            end = ends if outcome is None else None
        elif outcome != "failed":
            end = {"challenge": "challenged", "review": "pending", "deny": "declined"}[decision.action]
        if end is not None:
            self.engine.resolve(event, end)
        if attacks:
            if decision.action != "allow" and self.stopped == "never":
                self.stopped = identifier
            if kind in ("payment", "transfer", "withdrawal") and let_by and outcome is None and ends == "approved":
                self.lost += int(fields.get("amount_minor", 0))
        else:
            self.check(self.always)
        self.events[identifier] = event

    def write(self, decision: sekisho.Decision) -> None:
        if not self.trace:
            self.trace.append(" ".join(["features", *decision.features]))
        reasons = ",".join(reason.code for reason in decision.reasons) or "-"
        values = [self.written(name, value) for name, value in decision.features.items()]
        self.trace.append(" ".join([str(self.number), str(decision.score), decision.action, reasons, *values]))

    def written(self, name: str, value: Any) -> str:
        match value:
            case None:
                return "-"
            case bool():
                return "true" if value else "false"
            case float():
                return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016x}"
            case timedelta():
                return str(value // timedelta(milliseconds=1))
            case datetime():
                return str((value - EPOCH) // timedelta(milliseconds=1))
            case str():
                return f'"{value}"'
            case _:
                assert self.types[name] == "integer"
                return str(value)

    def check(self, items: list[str]) -> None:
        assert items == [] or self.decision is not None
        for item in items:
            found, holds = self.holds(item)
            assert holds, f"step {self.number}: expected {item}, found {found}"

    def holds(self, item: str) -> tuple[object, bool]:
        decision = self.decision
        assert decision is not None
        key, _, wanted = item.partition("=")
        names = [] if wanted == "-" else wanted.split(",")
        match key:
            case "action":
                return decision, decision.action == wanted
            case "action>":
                return decision, ACTIONS.index(decision.action) >= ACTIONS.index(wanted)
            case "action<":
                return decision, ACTIONS.index(decision.action) <= ACTIONS.index(wanted)
            case "score":
                low, high = wanted.split("..")
                return decision, int(low) <= decision.score <= int(high)
            case "reasons":
                codes = {reason.code for reason in decision.reasons}
                return decision, set(names) <= codes if names else not codes
            case "obligations":
                due = set(decision.obligations)
                return decision, set(names) <= due if names else not due
            case "strength":
                return decision, decision.strength == int(wanted)
            case "lost":
                return self.lost, self.lost == int(wanted)
            case _:
                raise AssertionError(f"nothing can be expected of `{key}`")

    def play(self, line: str) -> None:
        verb, *rest = words(line)
        match verb:
            case "member" | "attacker":
                self.actors[rest[0]] = (verb == "attacker", pairs(rest[1:]))
            case "list":
                entry = pairs(rest[2:])
                severity, source = int(entry.get("severity", 100)), entry.get("source")
                self.engine.list_add(rest[0], rest[1], severity=severity, source=source)
            case "unlist":
                self.engine.list_remove(rest[0], rest[1])
            case "expect":
                self.check(rest)
            case "always":
                self.always = rest
            case "stopped":
                assert self.stopped == rest[0]
            case _:
                assert verb.startswith("+"), line
                self.happens(verb[1:], rest)

    def happens(self, after: str, rest: list[str]) -> None:
        if rest[0] in ("label", "resolve"):
            self.passes(after)
            what, identifier, learnt = rest
            word: Any = learnt
            if what == "label":
                self.engine.label(self.events[identifier], word, at=self.now)
            else:
                self.engine.resolve(self.events[identifier], word)
            return
        times = 1
        if re.fullmatch(r"x\d+", rest[0]):
            times, rest = int(rest[0][1:]), rest[1:]
        for repetition in range(1, times + 1):
            self.passes(after)
            self.step(rest[0], rest[1], pairs(rest[2:]), repetition)


def play(path: Path) -> Player:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n")]
    head: dict[str, str] = {}
    player: Player | None = None
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        verb, _, text = line.partition(" ")
        if verb in ("title", "policy", "start"):
            head[verb] = text.strip()
            continue
        if player is None:
            policy = sekisho.Policy.load(EXAMPLES / "policies" / head["policy"])
            player = Player(sekisho.Engine(policy, key=bytes([7] * 32), key_id=1), milliseconds(head["start"]))
        try:
            player.play(line)
        except Exception as error:
            error.add_note(f"{path.name}:{number}: {line}")
            raise
    assert player is not None
    return player


def test_the_corpus_is_there() -> None:
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    trace = "".join(line + "\n" for line in play(path).trace)
    golden = (path.parent / "golden" / path.name).read_bytes()
    assert trace.encode() == golden
