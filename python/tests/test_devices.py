"""Likeness of devices, and what contradicts itself, against plain Python written after the section on devices of
`docs/policy.md`. The numbers of the attributes are read from its table.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from conftest import REPOSITORY
from streams import DAY, FIRST, HOUR, Row, Values, agree, answers, feature, same

ROWS = 500
RAREST = 2.0**-20
HANDHELD = {"mobile", "tablet"}
KEYS = ("device", "client_certificate")
MERGED = {"screen", "fonts", "hardware"}


@dataclass(frozen=True)
class Attribute:
    """A line of the table."""

    group: str
    steadiness: float
    half_life: float
    """In days."""
    kept: float
    frequency: float | None
    is_version: bool


def attributes() -> dict[str, Attribute]:
    text = (REPOSITORY / "docs" / "policy.md").read_text(encoding="utf-8")
    table = text.split("| group | attributes:")[1].split("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        group, members = (cell.strip() for cell in line.strip("|").split("|"))
        for part in members.split(";"):
            names = re.findall(r"`([a-z_.]+)`(\\\*)?", part)
            numbers = re.sub(r"`[^`]*`(\\\*)?,?", "", part)
            steadiness, life, *rest = (word.strip() for word in numbers.split(",") if word.strip())
            count, unit = life.split()
            frequency = [float(word[1:]) for word in rest if word.startswith("u")]
            kept = [float(word) for word in rest if not word.startswith("u")]
            for name, version in names:
                found[name] = Attribute(
                    group=group,
                    steadiness=float(steadiness),
                    half_life=float(count) * {"d": 1, "y": 365}[unit],
                    kept=kept[0] if kept else 1.0,
                    frequency=frequency[0] if frequency else None,
                    is_version=bool(version),
                )
    return found


ATTRIBUTES = attributes()


def parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def compare(name: str, now: Any, known: Any) -> str:
    if now is None or known is None:
        return "missing"
    if not ATTRIBUTES[name].is_version:
        return "agrees" if now == known else "differs"
    pairs = list(zip(parts(known), parts(now), strict=False))
    earlier, later = [one for one, _ in pairs], [other for _, other in pairs]
    return "agrees" if earlier == later else "up" if earlier < later else "down"


def compared(event: Row, known: Row) -> dict[str, str]:
    return {name: compare(name, event.get(name), known.get(name)) for name in ATTRIBUTES}


class Match:
    """An event's device against one sighting."""

    def __init__(self, event: Row, frequencies: dict[str, float], outcomes: dict[str, str], age: int) -> None:
        self.frequencies, self.outcomes, self.age = frequencies, outcomes, age
        self.handheld = event.get("device.type") in HANDHELD
        self.updated = self.any("up", *ATTRIBUTES)
        self.down = self.any("down", *ATTRIBUTES)
        self.other_drawer = self.any("differs", "browser.gpu", "device.platform")
        self.other_holder = self.any("differs", "device.model", "device.platform")
        self.key = self.any("agrees", *KEYS) and not self.other_holder
        self.other_tls = self.any("differs", "tls_fingerprint") and not self.updated and not self.key
        attainable = self.grouped({name: self.worth(name, 0, False) for name in frequencies if name not in KEYS})
        self.attainable = attainable
        own_key = max((self.bits_of(name) for name in KEYS if outcomes[name] == "agrees"), default=0.0)
        self.scale = attainable + own_key if self.key else max(attainable, 28.0)
        self.bits = self.grouped({name: self.bits_of(name) for name in self.seen() if not self.is_void(name)})
        self.percent = 100 * self.counts() * self.bits / self.scale if self.bits > 0 else 0.0

    def any(self, outcome: str, *names: str) -> bool:
        return any(self.outcomes[name] == outcome for name in names)

    def seen(self) -> list[str]:
        return [name for name, outcome in self.outcomes.items() if outcome != "missing"]

    def steadiness(self, name: str, age: int, updated: bool) -> float:
        attribute, frequency = ATTRIBUTES[name], self.frequencies[name]
        at_once = attribute.steadiness * (attribute.kept if updated else 1)
        return frequency + max(0.0, at_once - frequency) * 2 ** (-age / DAY / attribute.half_life)

    def worth(self, name: str, age: int, updated: bool) -> float:
        return math.log2(self.steadiness(name, age, updated) / self.frequencies[name])

    def bits_of(self, name: str) -> float:
        match self.outcomes[name]:
            case "agrees":
                return self.worth(name, self.age, self.updated)
            case "differs":
                rest = 1 - self.steadiness(name, self.age, self.updated)
                return math.log2(rest / (1 - self.frequencies[name]))
            case "down":
                return -6.0
        return 0.0

    def is_void(self, name: str) -> bool:
        drawn = name in ("browser.canvas", "browser.webgl") and self.other_drawer
        return self.outcomes[name] == "agrees" and (drawn or name in KEYS and self.other_holder)

    def grouped(self, bits: dict[str, float]) -> float:
        """Of each group the best and the worst."""
        total = 0.0
        for group in {attribute.group for attribute in ATTRIBUTES.values()}:
            if self.handheld and group in MERGED:
                continue
            merged = {group} | MERGED if self.handheld and group == "rendering" else {group}
            own = [value for name, value in bits.items() if ATTRIBUTES[name].group in merged]
            total += max([0.0, *own]) + min([0.0, *own])
        return total

    def counts(self) -> float:
        if self.down or self.other_tls:
            return 0.5
        return 1.0 if self.key else 0.5 if self.handheld else 0.95

    def contradictions(self) -> tuple[set[str], set[str]]:
        """All of them, and those that hold against other sightings too."""
        without_down = {
            name: self.bits_of(name)
            for name in self.seen()
            if not (self.down and (ATTRIBUTES[name].is_version or name == "browser.user_agent"))
        }
        passes = self.grouped(without_down) >= 0.6 * self.scale and not self.any("differs", *KEYS)
        if not (passes or self.any("agrees", *KEYS)):
            return set(), set()
        same_browser = not self.any("differs", "browser.name")
        same_system = not self.any("differs", "browser.platform", "device.platform")
        downs = {
            "browser": self.any("down", "browser.version") and same_browser,
            "system": self.any("down", "device.os_version") and same_system,
            "app": self.any("down", "device.app_version"),
        }
        same_build = same_browser and self.any("agrees", "browser.user_agent", "browser.version")
        others = {
            "drawn": self.any("agrees", "browser.canvas", "browser.webgl") and self.other_drawer,
            "tls": self.other_tls and same_build,
            "key": self.any("agrees", *KEYS) and self.other_holder,
        }
        down = {name for name, holds in downs.items() if holds}
        return down | {name for name, holds in others.items() if holds}, down

    def changed(self) -> bool:
        expected = {"browser.user_agent"} if self.updated else set()
        return any(self.outcomes[name] != "agrees" for name in self.seen() if name not in expected)


def known_devices(event: Row, past: list[Row]) -> list[tuple[dict[str, str], int]]:
    """The ways in which the account's events compare, each with its newest event's age, the newest first."""
    ways: list[tuple[dict[str, str], int]] = []
    for known in reversed(past):
        outcomes = compared(event, known)
        if set(outcomes.values()) != {"missing"} and all(outcomes != other for other, _ in ways):
            ways.append((outcomes, event["time"] - known["time"]))

    def agreement(way: tuple[dict[str, str], int]) -> tuple[bool, int]:
        outcomes, _ = way
        return any(outcomes[key] == "agrees" for key in KEYS), list(outcomes.values()).count("agrees")

    # Sorting keeps the order of equals.
    best = sorted(ways, key=agreement, reverse=True)[:8]
    return [way for way in ways if way in best]


def match(event: Row, past: list[Row]) -> Row:
    """`past` is what counts of all accounts, oldest first."""
    own = [name for name in ATTRIBUTES if event.get(name) is not None]
    if not own or event.get("account") is None:
        return {"bits": None, "percent": None, "state": None, "contradictions": None}
    frequencies = {}
    for name in own:
        count = sum(known.get(name) == event[name] for known in past)
        others = 2**20 if name in KEYS else 2
        frequency = ATTRIBUTES[name].frequency or (count + 1) / (len(past) + others)
        frequencies[name] = min(max(frequency, RAREST), 1 - RAREST)
    mine = [known for known in past if known["account"] == event["account"]]
    matches = [Match(event, frequencies, outcomes, age) for outcomes, age in known_devices(event, mine)]
    if not matches:
        return {"bits": None, "percent": None, "state": 0, "contradictions": 0}
    best = max(matches, key=lambda match: (match.percent, match.bits, -match.age))
    found, _ = best.contradictions()
    for other in matches:
        found |= other.contradictions()[1] if other.age <= best.age else set()
    if best.percent < 60 or found:
        state = 0
    elif not best.key:
        state = 1
    else:
        state = 2 if best.changed() else 3
    return {"bits": best.bits, "percent": best.percent, "state": state, "contradictions": len(found)}


# --- A stream of devices --------------------------------------------------------------------------------------


def device(generator: random.Random, number: int) -> Row:
    """Many share what is common, few what is not."""
    handheld = number % 3 == 0
    model = generator.randrange(3)
    system = ["Android", "iOS"][model % 2] if handheld else ["Windows", "macOS", "Linux"][model]
    made = {
        "device.type": "mobile" if handheld else "desktop",
        "browser.name": generator.choice(["Chrome", "Firefox"]),
        "browser.version": f"{generator.randrange(118, 122)}.0.{generator.randrange(3)}",
        "browser.platform": system,
        "browser.accept_header": generator.choice(["text/html", "*/*"]),
        "device.platform": system,
        "device.os_version": f"{generator.randrange(10, 13)}.{generator.randrange(3)}",
        "device.app_version": f"{generator.randrange(3, 5)}.1" if handheld else None,
        "browser.canvas": f"canvas {model if handheld else number}",
        "browser.webgl": f"webgl {model}",
        "browser.gpu": f"renderer {model}",
        "browser.screen_width": generator.choice([390, 412] if handheld else [1280, 1920, 2560]),
        "browser.screen_height": generator.choice([844, 915] if handheld else [800, 1080, 1440]),
        "browser.pixel_ratio": generator.choice([1.0, 1.5, 3.0]),
        "browser.color_depth": generator.choice([24, 24, 30]),
        "device.screen_width": 1170 if handheld else None,
        "device.screen_height": 2532 if handheld else None,
        "browser.time_zone": "Asia/Tokyo",
        "device.time_zone": "Asia/Tokyo",
        "browser.time_zone_offset_minutes": -540,
        "browser.language": generator.choice(["ja", "ja-JP", "en"]),
        "device.language": "ja",
        "browser.fonts": f"fonts {model if handheld else number}",
        "browser.hardware_concurrency": generator.choice([4, 8]),
        "browser.device_memory": generator.choice([4.0, 8.0]),
        "browser.touch_points": 5 if handheld else 0,
        "device.model": f"model {model}" if handheld else None,
        "tls_fingerprint": f"tls {generator.randrange(3)}",
        "device": f"key-{number}",
        "client_certificate": f"certificate-{number}" if number % 5 == 0 else None,
    }
    # Some of them say little.
    return {name: value for name, value in made.items() if number % 4 or generator.random() < 0.7}


def shown(known: Row) -> Row:
    agent = f"{known.get('browser.name')} {known.get('browser.version')} on {known.get('browser.platform')}"
    return known | {"browser.user_agent": agent}


def step(version: str, by: int) -> str:
    first, *rest = parts(version)
    return ".".join(str(part) for part in [max(first + by, 0), *rest])


def events(seed: int) -> list[Row]:
    generator = random.Random(seed)
    devices = [device(generator, number) for number in range(24)]
    found = []
    time = FIRST
    for number in range(ROWS):
        time += generator.choice([0, HOUR, 9 * HOUR, DAY])
        account = generator.randrange(5)
        own = generator.choice([account, account + 5, account + 10, account + 15, generator.randrange(24)])
        used = devices[own]
        # What goes on with a device, and stays.
        if generator.random() < 0.15:
            names = [name for name, attribute in ATTRIBUTES.items() if attribute.is_version and used.get(name)]
            used |= {name: step(used[name], generator.choice([1, 1, 1, -1])) for name in names[: generator.randrange(3)]}
        if generator.random() < 0.05:
            used["device"] = f"key-{number}-again"
        event = shown(used)
        # What is so this once: a journey, a screen, somebody else's print, something left out.
        if generator.random() < 0.1:
            event |= {"browser.time_zone": "Europe/Berlin", "browser.time_zone_offset_minutes": -60}
        if generator.random() < 0.1:
            event |= {"browser.screen_width": 3840, "browser.screen_height": 2160}
        if generator.random() < 0.15:
            other = shown(generator.choice(devices))
            copied = generator.sample(sorted(ATTRIBUTES), generator.randrange(1, 25))
            event |= {name: other.get(name) for name in copied}
        if generator.random() < 0.1:
            event |= dict.fromkeys(generator.sample(sorted(ATTRIBUTES), 12))
        if generator.random() < 0.02:
            event |= dict.fromkeys(ATTRIBUTES)
        # Whether it is a phone is what the type says.
        systems = {"Android", "iOS"}
        if event.get("device.type") not in HANDHELD:
            event |= {name: None for name in ("browser.platform", "device.platform") if event.get(name) in systems}
        event |= {
            "type": "login",
            "time": time,
            "account": f"a-{account}" if generator.random() < 0.98 else None,
            "outcome": "succeeded" if generator.random() < 0.85 else "failed",
        }
        found.append(event)
    return found


def columns(rows: list[Row]) -> dict[str, Values]:
    names = {name for row in rows for name in row}
    return {name: [row.get(name) for row in rows] for name in sorted(names)}


def test_the_table_is_that_of_all_attributes() -> None:
    assert len(ATTRIBUTES) == 30
    assert len({attribute.group for attribute in ATTRIBUTES.values()}) == 8
    assert sum(attribute.frequency is None for attribute in ATTRIBUTES.values()) == 15
    assert sum(attribute.is_version for attribute in ATTRIBUTES.values()) == 3


@pytest.mark.parametrize(("seed", "over"), [(1, None), (2, 40), (3, 120)])
def test_device_match(seed: int, over: int | None) -> None:
    rows = events(seed)
    asked: Row = {"where": 'outcome == "succeeded"'} | ({"over": f"{over}d"} if over else {})
    results = ("bits", "percent", "state", "contradictions")
    found = answers(columns(rows), {of: feature("device_match", of=of, **asked) for of in results})
    expected = []
    for number, row in enumerate(rows):
        past = [known for known in rows[:number] if known["outcome"] == "succeeded"]
        if over is not None:
            past = [known for known in past if known["time"] > row["time"] - over * DAY]
        expected.append(match(row, past))
    # A score is a sum of some tens of bits that may come to nothing.
    agree(found["bits"], [row["bits"] for row in expected], 1e-13)
    agree(found["percent"], [row["percent"] for row in expected], 1e-12)
    same(found["state"], [row["state"] for row in expected])
    same(found["contradictions"], [row["contradictions"] for row in expected])
    assert {0, 1, 2, 3} <= set(found["state"])


# --- What contradicts itself ----------------------------------------------------------------------------------

SYSTEMS = {
    "Windows": ["Windows NT 10.0; Win64; x64"],
    "macOS": ["Macintosh; Intel Mac OS X 10_15_7"],
    "iOS": ["iPhone; CPU iPhone OS 17_5 like Mac OS X", "iPad; CPU OS 17_5 like Mac OS X"],
    "Android": ["Linux; Android 14; Pixel 8", "Linux; Android 13; K"],
    "Chrome OS": ["X11; CrOS x86_64 14541.0.0"],
    "Linux": ["X11; Linux x86_64"],
}
BROWSERS = {"Edge": "Edg/", "Opera": "OPR/", "Samsung Internet": "SamsungBrowser/", "Firefox": "Firefox/"}
BROWSERS |= {"Chrome": "Chrome/", "Safari": "Version/"}


def claims(generator: random.Random, number: int) -> tuple[Row, Row]:
    """An event, and what is said in it in plain words."""
    system = generator.choice(sorted(SYSTEMS))
    browser, version = generator.choice(sorted(BROWSERS)), generator.randrange(100, 103)
    comment = generator.choice(SYSTEMS[system])
    mobile = comment.startswith(("iPhone", "iPad")) or "Pixel" in comment
    agent = f"Mozilla/5.0 ({comment}) Gecko {BROWSERS[browser]}{version}.0{' Mobile' if mobile else ''}"
    said = {"agent": system, "comment": comment, "browser": browser, "version": version, "mobile": mobile}
    systems, zones = sorted(SYSTEMS), ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Mars/Olympus"]
    usually = {
        "browser.user_agent": agent,
        "browser.platform": generator.choice([system, system, generator.choice(systems)]),
        "device.platform": generator.choice([system, system, generator.choice(systems)]),
        "browser.mobile": generator.choice([mobile, mobile, not mobile]),
        "device.type": generator.choice(["desktop", "mobile"]),
        "browser.touch_points": generator.choice([0, 1, 5]),
        "browser.screen_width": generator.choice([390, 1920, 1920, 1200, 0]),
        "browser.screen_height": generator.choice([844, 1080, 1080]),
        "device.screen_width": generator.choice([1080, 1080, 1170]),
        "device.screen_height": generator.choice([1920, 1920, 2532, -1]),
        "browser.time_zone": generator.choice(zones),
        "device.time_zone": generator.choice(zones),
        "browser.time_zone_offset_minutes": generator.choice([-540, -60, -120, 240, 300]),
        "browser.language": generator.choice(["ja-JP", "ja", "en-US,en;q=0.9", "DE"]),
        "device.language": generator.choice(["ja_JP", "en", "de"]),
        "browser.name": generator.choice([browser, browser, generator.choice(sorted(BROWSERS))]),
        "browser.version": f"{generator.choice([version, version, 100])}.0.1",
        "device.model": generator.choice(["iPhone 15", "Pixel 8"]),
        "browser.gpu": generator.choice(
            ["ANGLE (Intel, Direct3D11)", "Apple M2", "Metal", "Google SwiftShader", "Mali-G715"]
        ),
        "browser.color_depth": generator.choice([24, 0]) if generator.random() < 0.1 else 24,
        "browser.hardware_concurrency": generator.choice([8, 8, 8, 8, 0]),
        "browser.device_memory": generator.choice([8.0, 8.0, 8.0, 0.0]),
    }
    share = generator.choice([0.15, 0.6, 1.0])
    event = {name: value for name, value in usually.items() if generator.random() < share}
    if "browser.user_agent" not in event:
        said = {}
    # Twice a year clocks change; the night after that a page may be from before.
    time = FIRST + 55 * DAY + number * 2 * HOUR
    return event | {"type": "login", "time": time, "account": "a"}, said


def offset(zone: str | None, time: int) -> int | None:
    try:
        local = datetime.fromtimestamp(time / 1000, timezone.utc).astimezone(ZoneInfo(zone or ""))
    except (ZoneInfoNotFoundError, ValueError):
        return None
    return int((local.utcoffset() or timedelta()) / timedelta(minutes=1))


def contradicting(event: Row, said: Row) -> dict[str, bool | None]:
    """Of each check whether it fails; None where one side is not said."""
    get = event.get

    def both(one: Any, other: Any, fails: Any) -> bool | None:
        return None if one is None or other is None else bool(fails(one, other))

    def other_system(shown: str, actual: str) -> bool:
        pretending = {("Linux", "Android"), ("Linux", "Chrome OS"), ("macOS", "iOS")}
        return shown != actual and (shown, actual) not in pretending

    agent, hint, system = said.get("agent"), get("browser.platform"), get("device.platform")
    hinted, stated = get("browser.mobile"), said.get("mobile")
    # An iPad may or may not be called mobile.
    comparable = None if said.get("comment", "").startswith("iPad") else stated
    by_agent = None if not said else agent in ("iOS", "Android") and stated
    is_phone = None if hinted is None and by_agent is None else bool(hinted) or bool(by_agent)

    def proportion(of: str) -> float | None:
        width, height = get(f"{of}.screen_width"), get(f"{of}.screen_height")
        if width is None or height is None or width <= 0 or height <= 0:
            return None
        return float(max(width, height) / min(width, height))

    zones = [get("browser.time_zone"), get("device.time_zone")]
    now = [offset(zone, event["time"]) for zone in zones]
    before = offset(zones[0], event["time"] - DAY)
    unknown = [found is None for zone, found in zip(zones, now, strict=True) if zone is not None]

    def language(tag: str | None) -> str | None:
        return None if tag is None else re.split("[-_,;]", tag)[0].lower()

    named = get("browser.name")
    is_named = None if named is None or not said else BROWSERS[named] == BROWSERS[said["browser"]]
    stated_version = None if get("browser.version") is None else int(get("browser.version").split(".")[0])
    actual = system or hint or agent
    graphics, model = get("browser.gpu"), get("device.model")

    def wrong_graphics(graphics: str, actual: str) -> bool:
        return (
            "Direct3D" in graphics
            and actual != "Windows"
            or ("Apple" in graphics or "Metal" in graphics)
            and actual not in ("macOS", "iOS")
            or "SwiftShader" in graphics
            and bool(is_phone)
        )

    sizes = [get(f"{of}.screen_{side}") for of in ("browser", "device") for side in ("width", "height")]
    sizes += [get(f"browser.{name}") for name in ("color_depth", "hardware_concurrency", "device_memory")]
    sizes = [size for size in sizes if size is not None]
    return {
        "user_agent_platform": both(agent, hint, other_system),
        "user_agent_device": both(agent, system, other_system),
        "platform_device": both(hint, system, other_system),
        "mobile_hint": both(hinted, comparable, lambda one, other: one != other),
        "mobile_desktop": both(get("device.type"), is_phone, lambda kind, phone: kind == "desktop" and phone),
        "touch": both(get("browser.touch_points"), is_phone, lambda points, phone: phone and points == 0),
        "screen": both(proportion("browser"), proportion("device"), lambda one, two: abs(one / two - 1) > 1 / 16),
        "time_zone_offset": both(
            now[0], get("browser.time_zone_offset_minutes"), lambda own, told: told not in (-own, -(before or 0))
        ),
        "time_zones": both(now[0], now[1], lambda one, other: one != other),
        "unknown_time_zone": any(unknown) if unknown else None,
        "languages": both(language(get("browser.language")), language(get("device.language")), lambda a, b: a != b),
        "browser": None if is_named is None else not is_named,
        "browser_version": both(
            said.get("version") if is_named else None, stated_version, lambda one, other: one != other
        ),
        "model": both(model, actual, lambda model, on: model.startswith("iPhone") and on not in ("iOS", "macOS")),
        "graphics": both(graphics, actual, wrong_graphics),
        "impossible": any(size <= 0 for size in sizes) if sizes else None,
    }


def test_inconsistencies() -> None:
    generator = random.Random(4)
    told = [claims(generator, number) for number in range(ROWS)]
    checks = [contradicting(event, said) for event, said in told]
    names = list(checks[0])
    found = answers(
        columns([event for event, _ in told]),
        {"all": {"aggregate": "inconsistencies"}}
        | {name: {"aggregate": "inconsistencies", "of": name} for name in names},
    )
    known = [any(result is not None for result in check.values()) for check in checks]
    failed = [sum(bool(result) for result in check.values()) for check in checks]
    same(found["all"], [count if says else None for count, says in zip(failed, known, strict=True)])
    for name in names:
        expected = [int(bool(check[name])) if says else None for check, says in zip(checks, known, strict=True)]
        same(found[name], expected)
