"""Tokens, recomputed from their documented construction with nothing of sekisho's own."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
import sekisho
from conftest import REPOSITORY, START
from hypothesis import given, settings
from hypothesis import strategies as st

MASK = (1 << 64) - 1


def rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & MASK


def siphash_2_4_128(key: bytes, message: bytes) -> bytes:
    """SipHash-2-4 with 128 bits of output, after the paper and its reference code."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotated(v[1], 13) ^ v[0]
            v[0] = rotated(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotated(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotated(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotated(v[1], 17) ^ v[2]
            v[2] = rotated(v[2], 32)

    padded = message + bytes(-(len(message) + 1) % 8) + bytes([len(message) & 0xFF])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    first = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    second = v[0] ^ v[1] ^ v[2] ^ v[3]
    return first.to_bytes(8, "little") + second.to_bytes(8, "little")


def derived(secret: bytes, kind: str) -> bytes:
    return hmac.new(secret, b"sekisho token v1\0" + kind.encode(), hashlib.sha256).digest()


def token(secret: bytes, kind: str, value: bytes) -> str:
    if kind == "card":
        return hmac.new(derived(secret, kind), value, hashlib.sha256).digest()[:16].hex()
    return f"{int.from_bytes(siphash_2_4_128(derived(secret, kind)[:16], value), 'little'):032x}"


def test_siphash_is_the_published_one() -> None:
    # The first vectors of the reference implementation: key 00 01 .. 0f, messages of the bytes 00 01 ...
    key = bytes(range(16))
    assert siphash_2_4_128(key, b"").hex() == "a3817f04ba25a8e66df67214c7550293"
    assert siphash_2_4_128(key, bytes(range(1))).hex() == "da87c1d86b99af44347659119b22fc45"
    assert siphash_2_4_128(key, bytes(range(8))).hex() == "3b62a9ba6258f5610f83e264f31497b4"


def test_vectors_of_the_core() -> None:
    vectors = REPOSITORY / "core" / "tests" / "vectors"
    secret = b"an example key of 32 bytes......"
    for file, kind, value in (
        ("token_account.txt", "account", b"a-1"),
        ("token_card.txt", "card", b"4111111111111111"),
    ):
        assert (vectors / file).read_text().strip() == token(secret, kind, value)


def entities_policy() -> sekisho.Policy:
    kinds = ["account", "card", "ip", "device", "payee", "email", "bin", "asn", "ip/24", "ip/56"]
    features = "\n".join(
        f'[[feature]]\nname = "f{n}"\naggregate = "count"\nby = ["{kind}"]\nover = "1d"\n'
        for n, kind in enumerate(kinds)
    )
    return sekisho.Policy.parse(
        f'[policy]\nname = "t"\nversion = "1"\ncurrency = "JPY"\n{features}\n'
        '[decision]\nbands = [{ from = 0, action = "allow" }]'
    )


POLICY = entities_policy()


def entities(secret: bytes, **fields: Any) -> dict[str, str]:
    record = sekisho.Engine(POLICY, key=secret).score(type="payment", time=START, **fields).record()
    found: dict[str, str] = record["entities"]
    return found | {"id": record.get("event", "")}


@settings(max_examples=60, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), value=st.text(min_size=1, max_size=40))
def test_texts(secret: bytes, value: str) -> None:
    found = entities(secret, account=value, device=value, id=value)
    for kind in ("account", "device", "id"):
        assert found[kind] == token(secret, kind, value.encode())


@settings(max_examples=30, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), number=st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_their_digits(secret: bytes, number: int) -> None:
    assert entities(secret, account=number)["account"] == token(secret, "account", str(number).encode())


@pytest.mark.parametrize("written", ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"])
def test_cards(written: str) -> None:
    secret = bytes(range(32))
    found = entities(secret, card=written)
    assert found["card"] == token(secret, "card", b"4111111111111111")
    assert found["bin"] == token(secret, "bin", b"41111111")


def test_addresses_and_networks() -> None:
    secret = bytes(range(32))
    found = entities(secret, ip="203.0.113.7", asn="AS2516")
    assert found["ip"] == token(secret, "ip", bytes([203, 0, 113, 7]))
    assert found["asn"] == token(secret, "asn", b"2516")
    # A network is its address shifted to the right, as a big-endian number of the address's size.
    assert found["ip/24"] == token(secret, "ip/24", bytes([0, 203, 0, 113]))
    assert entities(secret, ip="::ffff:203.0.113.7")["ip"] == found["ip"]
    found = entities(secret, ip="2001:db8::1")
    assert found["ip"] == token(secret, "ip", bytes.fromhex("20010db8" + 11 * "00" + "01"))
    assert found["ip/56"] == token(secret, "ip/56", bytes(9) + bytes.fromhex("20010db8000000"))
    assert "ip/24" not in found


def test_kinds_and_keys_have_tokens_of_their_own() -> None:
    found = entities(bytes(32), account="same", payee="same", email="same")
    assert len({found["account"], found["payee"], found["email"]}) == 3
    assert entities(bytes(31) + b"1", account="same")["account"] != found["account"]
