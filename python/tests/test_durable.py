"""Snapshots and journals: what comes back is what was there; what is damaged does not come back."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import resource
import signal
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest
import sekisho
from conftest import KEY, POLICY, REPOSITORY, START

OTHER_KEY = b"another example key of 32 bytes."


def event(n: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"e-{n}",
        "type": "payment" if n % 3 else "login",
        "time": START + 1_000 * n,
        "account": f"a-{n % 7}",
        "device": f"d-{n % 5}",
        "amount_minor": 100 * n,
        "country": "JP",
        **fields,
    }


def live(engine: sekisho.Engine, start: int = 0, stop: int = 60) -> None:
    """Makes everything happen that a journal keeps."""
    for n in range(start, stop):
        engine.assess(event(n))
    engine.record(event(stop))
    engine.resolve(event(stop - 1), "declined")
    engine.label(event(start), "fraud", at=START + 1_000 * stop)
    engine.list_add("bad_devices", "d-1")
    engine.list_add("offices", "10.0.0.0/8")
    engine.list_remove("bad_devices", "d-2")
    engine.forget("account", "a-6")
    engine.advance(START + 1_000 * stop)


def answers(engine: sekisho.Engine) -> list[tuple[int, dict[str, Any]]]:
    questions = (event(n, id=f"question-{n}", time=START + 100_000) for n in range(40))
    return [(decision.score, decision.features) for decision in map(engine.score, questions)]


def snapshot(engine: sekisho.Engine) -> bytes:
    file = io.BytesIO()
    report = engine.snapshot(file)
    assert report.bytes == len(file.getvalue())
    return file.getvalue()


def test_a_snapshot_brings_everything_back(policy: sekisho.Policy, engine: sekisho.Engine, tmp_path: Path) -> None:
    live(engine)
    path = tmp_path / "snapshot"
    report = engine.snapshot(path)
    assert report.bytes == path.stat().st_size
    assert report.entities == sum(table.entities for table in engine.statistics())
    assert report.next_frame == 1
    assert list(tmp_path.iterdir()) == [path], "nothing else is left behind"
    assert path.read_bytes() == snapshot(engine)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        restored = sekisho.Engine.restore(policy, key=KEY, source=source, memory=1 << 26)
        assert answers(restored) == answers(engine)
    with path.open("rb", buffering=0) as file:
        assert answers(sekisho.Engine.restore(policy, KEY, source=file)) == answers(engine)


@pytest.mark.parametrize("kind", ["callable", "file"])
def test_a_journal_brings_everything_back(policy: sekisho.Policy, kind: str) -> None:
    file, frames = io.BytesIO(), list[bytes]()
    engine = sekisho.Engine(policy, key=KEY, journal=file if kind == "file" else frames.append)
    live(engine, 0, 30)
    taken = snapshot(engine)
    live(engine, 30, 60)
    journal = file.getvalue() if kind == "file" else b"".join(frames)
    assert b"a-1" not in journal

    whole = sekisho.Engine(policy, key=KEY)
    recovered = whole.recover(journal)
    assert recovered.is_complete
    assert recovered == sekisho.Recovered(recovered.frames, len(journal), 0, None)
    assert answers(whole) == answers(engine)

    restored = sekisho.Engine.restore(policy, key=KEY, source=taken)
    assert answers(restored) != answers(engine)
    assert restored.recover(io.BytesIO(journal)).is_complete
    assert answers(restored) == answers(engine)


def test_a_restored_engine_goes_on_with_its_journal(policy: sekisho.Policy, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("ab") as file:
        engine = sekisho.Engine(policy, key=KEY, journal=file)
        live(engine, 0, 20)
        taken = snapshot(engine)
        live(engine, 20, 30)
    with path.open("ab") as file:
        engine = sekisho.Engine.restore(policy, key=KEY, source=taken, journal=file)
        assert engine.recover(path).is_complete
        live(engine, 30, 40)
    restored = sekisho.Engine.restore(policy, key=KEY, source=taken)
    assert restored.recover(str(path)).is_complete
    assert answers(restored) == answers(engine)


def test_the_lines_of_the_readme_lose_nothing_after_a_torn_frame(
    policy: sekisho.Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (REPOSITORY / "python" / "README.md").read_text()
    lines = readme.split("To outlive the process")[1].split("```python\n")[1].split("```")[0]
    starts, restarts = lines.split("\n\n")
    names: dict[str, Any] = {"sekisho": sekisho, "policy": policy, "secret": KEY}
    names["log"] = Path("state.journal").open("ab")
    exec(starts, names)
    live(names["engine"], 0, 10)
    for start in (10, 20):
        names["log"].close()
        os.truncate("state.journal", Path("state.journal").stat().st_size - 5)
        exec(restarts, names)
        assert names["recovered"].torn > 0
        live(names["engine"], start, start + 10)
        names["log"].close()
        exec(restarts, names)
        assert names["recovered"].is_complete
        again = sekisho.Engine(policy, key=KEY)
        assert again.recover("state.journal").is_complete
        assert answers(again) == answers(names["engine"])
    names["log"].close()


def test_a_replay_is_journalled(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    engine = sekisho.Engine(policy, key=KEY, journal=frames.append)
    engine.replay(polars.DataFrame([event(n) for n in range(50)]), batch_rows=10)
    recovered = sekisho.Engine(policy, key=KEY)
    assert recovered.recover(b"".join(frames)).frames >= 50
    assert answers(recovered) == answers(engine)


def refused(do: Callable[[], object]) -> str:
    with pytest.raises(sekisho.SekishoError) as caught:
        do()
    assert caught.value.kind == "damaged"
    return str(caught.value)


def test_what_is_damaged_is_refused(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    engine = sekisho.Engine(policy, key=KEY, journal=frames.append)
    live(engine)
    taken, journal = snapshot(engine), b"".join(frames)

    def restore(bytes: bytes, key: bytes = KEY, key_id: int = 1) -> Callable[[], object]:
        return lambda: sekisho.Engine.restore(policy, key, key_id, source=bytes)

    def recover(bytes: bytes, key: bytes = KEY) -> Callable[[], object]:
        return lambda: sekisho.Engine(policy, key=key).recover(bytes)

    middle = len(taken) // 2
    changed = taken[:middle] + bytes([taken[middle] ^ 1]) + taken[middle + 1 :]
    assert refused(restore(changed)).startswith("the snapshot is damaged")
    assert refused(restore(taken[:-1])) == "the snapshot ends early: its last part is missing"
    assert refused(restore(b"")) == "the snapshot ends early: its last part is missing"
    assert "the same number but another secret" in refused(restore(taken, OTHER_KEY))
    assert refused(restore(taken, key_id=2)) == "the snapshot was sealed with key 1, this engine has key 2"
    assert "sealed with another key" in refused(recover(journal, OTHER_KEY))
    assert refused(recover(b"".join([*frames[:3], *frames[4:]]))) == (
        "the journal's frame 4 is missing: frame 5 follows instead"
    )
    other = sekisho.Policy.parse(POLICY.replace("bad_devices", "worse_devices"))
    assert "the list \"bad_devices\"" in refused(lambda: sekisho.Engine.restore(other, KEY, source=taken))


def test_a_torn_tail_is_told(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    engine = sekisho.Engine(policy, key=KEY, journal=frames.append)
    live(engine, 0, 10)
    journal = b"".join(frames)
    recovered = sekisho.Engine(policy, key=KEY).recover(journal[:-5])
    assert not recovered.is_complete
    assert (recovered.bytes, recovered.torn) == (len(journal) - len(frames[-1]), len(frames[-1]) - 5)
    assert recovered.frames == len(frames) - 1


def test_another_policy_in_the_journal_is_told(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    engine = sekisho.Engine(policy, key=KEY, journal=frames.append)
    live(engine, 0, 10)
    second = sekisho.Policy.parse(POLICY.replace('version = "1"', 'version = "2"'))
    engine.swap(second)
    live(engine, 10, 20)
    journal = b"".join(frames)
    restored = sekisho.Engine(policy, key=KEY)
    recovered = restored.recover(journal)
    assert (recovered.policy, recovered.is_complete) == ("tests 2", False)
    restored.swap(second)
    assert restored.recover(journal[recovered.bytes :]).is_complete
    assert answers(restored) == answers(engine)


class Full(Exception):
    """The disk is full."""


class Disk(io.BytesIO):
    """A file that takes little at a time, and fails when it has room for no more."""

    room = 1 << 30

    def write(self, data: Any, /) -> int:
        if self.room <= 0:
            raise Full
        taken = min(len(data), self.room, 100)
        self.room -= taken
        return super().write(data[:taken])

    def read(self, size: int | None = -1, /) -> bytes:
        if self.room <= 0:
            raise Full
        return super().read(size)


def test_exceptions_of_files_come_as_they_are(policy: sekisho.Policy, engine: sekisho.Engine, tmp_path: Path) -> None:
    live(engine)
    disk = Disk()
    engine.snapshot(disk)
    assert disk.getvalue() == snapshot(engine)
    disk.room = 0
    disk.seek(0)
    with pytest.raises(Full):
        engine.snapshot(disk)
    with pytest.raises(Full):
        sekisho.Engine.restore(policy, KEY, source=disk)
    with pytest.raises(Full):
        engine.recover(disk)

    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as caught:
        sekisho.Engine.restore(policy, KEY, source=missing)
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{missing}'"
    with pytest.raises(FileNotFoundError):
        engine.recover(missing)
    with pytest.raises(FileNotFoundError):
        engine.snapshot(missing / "snapshot")
    with pytest.raises(TypeError, match=r"read\(\) gave a value of type str, expected bytes"):
        engine.recover(io.StringIO("text"))  # type: ignore[arg-type]
    for given in (7, None):
        with pytest.raises(TypeError, match="expected a path or a binary file"):
            engine.snapshot(given)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="expected a path or a binary file"):
            engine.recover(given)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="found a value of type int, expected a callable or a binary file"):
        sekisho.Engine(policy, KEY, journal=7)  # type: ignore[arg-type]


def test_a_snapshot_that_fails_leaves_the_one_before(engine: sekisho.Engine, tmp_path: Path) -> None:
    live(engine)
    path = tmp_path / "snapshot"
    path.write_text("the one before")
    # Python ignores the signal that comes with the error.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            engine.snapshot(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_snapshots_of_one_path_do_not_meet(policy: sekisho.Policy, engine: sekisho.Engine, tmp_path: Path) -> None:
    for n in range(2_000):
        engine.record(event(n, account=f"a-{n}"))
    path = tmp_path / "snapshot"
    started = threading.Barrier(4)

    def snap() -> None:
        started.wait()
        for _ in range(10):
            engine.snapshot(path)
            assert answers(sekisho.Engine.restore(policy, KEY, source=path)) == expected

    expected = answers(engine)
    failed: list[BaseException] = []

    def kept() -> None:
        try:
            snap()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=kept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == [] and list(tmp_path.iterdir()) == [path]


def test_a_snapshot_shows_itself_to_those_that_could_read_the_one_before(
    engine: sekisho.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "snapshot"
    engine.snapshot(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    engine.snapshot(path)
    assert path.stat().st_mode & 0o777 == 0o640
    # A directory cannot be replaced by a file, and nothing stays behind.
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        engine.snapshot(tmp_path / "directory")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["directory", "snapshot"]


def test_long_work_on_files_can_be_interrupted(policy: sekisho.Policy, tmp_path: Path) -> None:
    journal, path = tmp_path / "journal", tmp_path / "snapshot"
    with journal.open("wb") as file:
        engine = sekisho.Engine(policy, KEY, journal=file)
        for n in range(100_000):
            engine.record(event(n, account=f"a-{n}", device=f"d-{n}"))
    engine.snapshot(path)
    told = threading.Event()

    def stop(*_: object) -> None:
        told.set()
        raise Full

    def feed(pipe: Path, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError), pipe.open("wb", buffering=0) as file:
            file.write(data[: 6 << 20])
            os.kill(os.getpid(), signal.SIGUSR1)
            file.write(data[6 << 20 : 9 << 20])
            # Whoever reads gets no further, unless it looks at signals.
            told.wait(timeout=60)

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        for source, call in (
            (path, lambda pipe: sekisho.Engine.restore(policy, KEY, source=pipe)),
            (journal, lambda pipe: sekisho.Engine(policy, KEY).recover(pipe)),
        ):
            pipe, data = tmp_path / "pipe", source.read_bytes()
            assert len(data) > 9 << 20
            os.mkfifo(pipe)
            told.clear()
            thread = threading.Thread(target=feed, args=(pipe, data))
            thread.start()
            with pytest.raises(Full):
                call(pipe)
            thread.join()
            pipe.unlink()
    finally:
        signal.signal(signal.SIGUSR1, before)
    # A snapshot that is interrupted leaves the one before, and nothing else.
    written = path.stat()
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        with pytest.raises(Full):
            engine.snapshot(path)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert path.stat() == written
    assert sorted(each.name for each in tmp_path.iterdir()) == ["journal", "snapshot"]


def test_an_engine_whose_journal_holds_it_is_collected(policy: sekisho.Policy) -> None:
    class Host:
        def __init__(self, tenant: bool) -> None:
            self.tenants = sekisho.Tenants(memory=1 << 30)
            make = self.tenants.add if tenant else lambda _, *rest, **named: sekisho.Engine(*rest, **named)
            self.engine = make("a", policy, KEY, journal=self.take)
            self.engine.record(event(1))
            self.frames = 1

        def take(self, frame: bytes) -> None: ...

    for tenant in (False, True):
        host = weakref.ref(Host(tenant))
        gc.collect()
        assert host() is None


def test_a_frame_that_a_journal_raises_on_comes_again(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    full = False

    def take(frame: bytes) -> None:
        if full:
            raise Full
        frames.append(frame)

    disk = Disk()
    for journal, read in ((take, lambda: b"".join(frames)), (disk, disk.getvalue)):
        engine = sekisho.Engine(policy, key=KEY, journal=journal)
        live(engine, 0, 10)
        full, disk.room = True, 0
        for n in range(11, 14):
            with pytest.raises(Full):
                engine.assess(event(n))
        with pytest.raises(Full):
            engine.list_add("bad_devices", "d-3")
        # Some of a frame is written, then the disk is full again.
        full, disk.room = False, 30
        if journal is disk:
            with pytest.raises(Full):
                engine.advance(START + 20_000)
        disk.room = 1 << 30
        engine.assess(event(14))
        recovered = sekisho.Engine(policy, key=KEY)
        assert recovered.recover(read()).is_complete
        assert answers(recovered) == answers(engine)


def test_a_journal_may_use_the_engine(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []

    def take(frame: bytes) -> None:
        frames.append(frame)
        if len(frames) == 2:
            engine.record(event(1))

    engine = sekisho.Engine(policy, key=KEY, journal=take)
    engine.record(event(0))
    assert len(frames) == 3, "the policy, and two events"
    recovered = sekisho.Engine(policy, key=KEY)
    assert recovered.recover(b"".join(frames)).is_complete
    assert answers(recovered) == answers(engine)


def test_threads_score_while_snapshots_are_taken(policy: sekisho.Policy) -> None:
    frames: list[bytes] = []
    pause = threading.Event()

    def take(frame: bytes) -> None:
        pause.wait(0.0002)  # others have the interpreter meanwhile
        frames.append(frame)

    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            pause.wait(0.001)
            return super().write(data)

    engine = sekisho.Engine(policy, key=KEY, journal=take)
    snapshots: list[bytes] = []

    def score(thread: int) -> None:
        for n in range(thread, 400, 4):
            engine.assess(event(n))

    def snap() -> None:
        for _ in range(5):
            file = Slow()
            engine.snapshot(file)
            snapshots.append(file.getvalue())

    def swap() -> None:
        for _ in range(5):
            engine.swap(policy)

    work = [threading.Thread(target=score, args=(n,)) for n in range(4)]
    work += [threading.Thread(target=snap), threading.Thread(target=swap)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(timeout=60)
        assert not thread.is_alive()
    for taken in snapshots:
        restored = sekisho.Engine.restore(policy, key=KEY, source=taken)
        assert restored.recover(b"".join(frames)).is_complete
        assert answers(restored) == answers(engine)


def test_a_key_is_replaced_and_retired(policy: sekisho.Policy) -> None:
    frames = list[bytes]()
    engine, still = sekisho.Engine(policy, key=KEY, journal=frames.append), sekisho.Engine(policy, key=KEY)
    for each in (engine, still):
        live(each, 0, 30)
    with pytest.raises(sekisho.SekishoError, match="key 1, which is in force already"):
        engine.rotate(OTHER_KEY, 1)
    with pytest.raises(sekisho.SekishoError, match="32"):
        engine.rotate(OTHER_KEY[:-1], 2)
    engine.rotate(OTHER_KEY, 2)
    assert all(table.unrotated == table.entities > 0 for table in engine.statistics() if table.entities)
    for each in (engine, still):
        live(each, 40, 60)
    meanwhile = snapshot(engine)
    both: dict[str, Any] = {"key": OTHER_KEY, "key_id": 2, "previous_key": KEY, "previous_key_id": 1}
    recovered = sekisho.Engine(policy, **both)
    assert recovered.recover(b"".join(frames)).is_complete
    restored = sekisho.Engine.restore(policy, **both, source=meanwhile)
    with pytest.raises(sekisho.SekishoError, match="give key 1 as the previous key"):
        sekisho.Engine.restore(policy, OTHER_KEY, 2, source=meanwhile)
    with pytest.raises(sekisho.SekishoError, match="found key 2, which is the present one"):
        sekisho.Engine(policy, OTHER_KEY, 2, previous_key=KEY, previous_key_id=2)
    for each in (engine, recovered, restored):
        assert answers(each) == answers(still)
        assert [table.unrotated for table in each.statistics()] == [0]
    known = len(frames)
    assert engine.retire_key() == 0, "everybody was touched"
    assert len(frames) > known
    assert answers(engine) == answers(still)
