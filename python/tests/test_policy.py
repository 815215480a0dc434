"""Policies: what they tell, and what is said about their faults."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import sekisho
from conftest import EXAMPLES, KEY, POLICY


def test_a_policy_tells_what_it_holds(policy: sekisho.Policy) -> None:
    assert (policy.name, policy.version, policy.currency) == ("tests", "1", "JPY")
    assert len(policy.fingerprint) == 64
    features = {info.name: info for info in policy.features}
    assert features["account_count_1d"].type == "integer"
    assert features["account_mean_1d"].type == "number"
    assert features["since_last"].type == "duration"
    assert features["last_login_at"].type == "time"
    assert features["account_last_country"].type == "text"
    assert features["was_rooted"].type == "boolean"
    assert "over 1d" in features["account_count_1d"].definition
    assert [(rule.id, rule.reason, rule.live) for rule in policy.rules] == [
        ("many", "MANY_PAYMENTS", True),
        ("listed", "LISTED_DEVICE", True),
        ("quick", "QUICK", False),
    ]
    assert policy.lists == [("bad_devices", "device"), ("offices", "ip")]


def test_a_policy_tells_its_fields(policy: sekisho.Policy) -> None:
    fields = {info.name: info for info in policy.fields}
    assert fields["account"].kind == "entity"
    assert "CAEP" in fields["account"].counterpart
    assert fields["label"].choices == ("fraud", "genuine")
    assert fields["amount_minor"].choices is None
    assert fields["is_guest"].kind == "boolean"
    assert all(info.meaning for info in policy.fields if info.name != "is_guest")


def test_every_example_policy_loads() -> None:
    paths = sorted((EXAMPLES / "policies").glob("*.toml"))
    assert paths
    for path in paths:
        policy = sekisho.Policy.load(path)
        assert policy.features and policy.rules
        assert sekisho.Policy.load(str(path)) == policy


def test_a_fault_shows_its_place_with_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(POLICY.replace("account_count_1d >= 3", "acount_count_1d >= 3").replace('"sum"', '"sun"'))
    with pytest.raises(sekisho.PolicyError) as caught:
        sekisho.Policy.load(path)
    error = caught.value
    assert isinstance(error, sekisho.SekishoError) and isinstance(error, ValueError)
    assert error.kind == "policy" and len(error.faults) == 2
    assert all(fault.file == str(path) and fault.line > 1 and fault.column > 1 for fault in error.faults)
    assert "did you mean `account_count_1d`?" in str(error)
    for fault in error.faults:
        assert f"{path}:{fault.line}:{fault.column}: {fault.message}" in str(error)
        line = path.read_text().splitlines()[fault.line - 1]
        assert f"{fault.line} | {line}" in str(error)
    assert "^^^" in str(error)


def test_a_file_that_is_not_there_is_pythons_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sekisho.Policy.load(tmp_path / "nothing.toml")


def test_policies_compare_and_pickle(policy: sekisho.Policy) -> None:
    same = sekisho.Policy.parse(POLICY + "\n# a comment\n")
    other = sekisho.Policy.parse(POLICY.replace('version = "1"', 'version = "2"'))
    assert same == policy and hash(same) == hash(policy)
    assert other != policy and policy != "tests"
    assert pickle.loads(pickle.dumps(policy)) == policy
    with pytest.raises(TypeError, match="without its text"):
        pickle.dumps(sekisho.Engine(policy, key=KEY).policy)


def test_errors_pickle() -> None:
    for error in (
        sekisho.SekishoError("`account`: gone", "absent", "account"),
        sekisho.PolicyError("the policy has 1 fault", [sekisho.Fault("m", "f", 1, 2)]),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error) and str(copy) == str(error) and vars(copy) == vars(error)


def test_public_names_belong_to_the_package() -> None:
    for name in sekisho.__all__:
        if name not in ("__version__", "aggregates", "locale", "replay_record"):
            assert getattr(sekisho, name).__module__ == "sekisho", name


def test_html_escapes_and_shows_definitions(policy: sekisho.Policy) -> None:
    html = policy._repr_html_()
    assert "&lt;payments&gt;" in html and "<payments>" not in html
    assert "account_count_1d" in html and "(shadow)" in html
    assert repr(policy) == "Policy(tests 1: 8 features, 3 rules)"
