"""Decisions, policies and tenants as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sekisho._native import Decision, Policy, Tenants

# Readable on white and on the dark grounds of notebooks.
_COLOURS = {"allow": "#2e7d32", "challenge": "#b26a00", "review": "#6a4fb3", "deny": "#c62828"}

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
_NUMBER = "text-align:right;vertical-align:top;padding:2px 12px 2px 0;font-variant-numeric:tabular-nums"


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in heads)
    return f'<table style="border-collapse:collapse"><tr>{head}</tr>{"".join(rows)}</table>'


def _row(*cells: str, numbers: tuple[int, ...] = ()) -> str:
    styled = (
        f'<td style="{_NUMBER if place in numbers else _CELL}">{cell}</td>' for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(styled)}</tr>"


def _code(text: str) -> str:
    return f'<code style="white-space:pre-wrap">{escape(text)}</code>'


def _value(value: object) -> str:
    match value:
        case None:
            return '<span style="opacity:.55">missing</span>'
        case datetime():
            return escape(value.isoformat())
        case timedelta() | bool():
            return escape(str(value))
        case float():
            return escape(f"{value:.6g}")
        case _:
            return escape(str(value))


def _amount(amount: int | None) -> str:
    return _value(None) if amount is None else f"{amount:,}"


def decision(shown: Decision) -> str:
    """The score, the reasons, and the rules with their values."""
    colour = _COLOURS.get(shown.action, "inherit")
    strength = f", strength {shown.strength}" if shown.strength else ""
    obligations = "".join(f" + {escape(name)}" for name in shown.obligations)
    parts = [
        '<div style="margin:4px 0">'
        f'<span style="font-size:1.5em;font-weight:600">{shown.score}</span>'
        '<span style="opacity:.6"> of 999</span> '
        f'<span style="background:{colour};color:#fff;border-radius:4px;padding:1px 8px">{escape(shown.action)}</span>'
        f"{strength}{obligations}{' (repeated)' if shown.is_repeated else ''}</div>"
        '<div style="background:#8884;border-radius:3px;width:320px;height:6px">'
        f'<div style="background:{colour};border-radius:3px;width:{shown.score / 999:.1%};height:6px"></div></div>'
    ]
    if shown.reasons:
        rows = (_row(escape(code), f"{points:+d}", numbers=(1,)) for code, points in shown.reasons)
        parts.append(_table(["reason", "points"], rows))
    else:
        parts.append('<div style="opacity:.6">no reasons</div>')
    if shown.hits:
        parts.append(
            _table(
                ["rule", "points", "condition"],
                (
                    _row(
                        escape(hit.id) + ("" if hit.live else " <em>(shadow)</em>"),
                        f"{hit.points:+d}",
                        _code(hit.condition)
                        + ("" if hit.values == hit.condition else f"<br>{_code(hit.values)}")
                        + (f'<br><span style="opacity:.6">{escape(hit.description)}</span>' if hit.description else ""),
                        numbers=(1,),
                    )
                    for hit in shown.hits
                ),
            )
        )
    if shown.limits:
        parts.append(
            _table(
                ["limit", "used", "of", "remaining", "asked"],
                (
                    _row(
                        escape(limit.name)
                        + (" <b>exceeded</b>" if limit.exceeded else "")
                        + (" (about)" if limit.approximate else "")
                        + ("" if limit.live else " <em>(shadow)</em>"),
                        *map(_amount, (limit.used, limit.ceiling, limit.remaining, limit.asked)),
                        numbers=(1, 2, 3, 4),
                    )
                    for limit in shown.limits
                ),
            )
        )
    if shown.missing_rules:
        named = ", ".join(escape(name) for name in shown.missing_rules)
        parts.append(f'<div style="opacity:.6">missing values in {named}</div>')
    if shown.features:
        rows = (_row(escape(name), _value(value), numbers=(1,)) for name, value in shown.features.items())
        table = _table(["feature", "value"], rows)
        parts.append(f"<details><summary>{len(shown.features)} features</summary>{table}</details>")
    if (challenger := shown.challenger) is not None:
        parts.append(_challenger(challenger))
    return f'<div class="sekisho-decision">{"".join(parts)}</div>'


def _challenger(shown: Decision) -> str:
    """What the policy on trial would have decided, in one line that opens."""
    name = f"{shown.policy.name} {shown.policy.version}" if shown.policy else ""
    colour = _COLOURS.get(shown.action, "inherit")
    return (
        '<details style="margin:4px 0;border-left:3px solid #8888;padding-left:8px"><summary>on trial: '
        f"<b>{escape(name)}</b> would have said {shown.score} "
        f'<span style="background:{colour};color:#fff;border-radius:4px;padding:1px 8px">{escape(shown.action)}</span>'
        f"</summary>{decision(shown)}</details>"
    )


def tenants(shown: Tenants) -> str:
    """Who is there, and how much each remembers."""
    rows = (
        _row(
            escape(tenant.name),
            _megabytes(tenant.bytes),
            _megabytes(tenant.memory),
            f"{sum(table.entities for table in tenant.tables):,}",
            f"{sum(table.evicted for table in tenant.tables):,}",
            numbers=(1, 2, 3, 4),
        )
        for tenant in shown.statistics()
    )
    return (
        '<div class="sekisho-tenants">'
        f"{_table(['tenant', 'MB used', 'MB of memory', 'entities', 'evicted'], rows)}"
        f'<div style="opacity:.6">{_megabytes(shown.memory_left)} of {_megabytes(shown.memory)} MB are left</div></div>'
    )


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f}"


def policy(shown: Policy) -> str:
    """What the policy computes and which rules it applies."""
    features = _table(
        ["feature", "type", "definition"],
        (
            _row(escape(info.name), escape(info.type), _code(info.definition) + _described(info.description))
            for info in shown.features
        ),
    )
    rules = _table(
        ["rule", "reason", "condition"],
        (
            _row(
                escape(rule.id) + ("" if rule.live else " <em>(shadow)</em>"),
                escape(rule.reason),
                _code(rule.condition) + _described(rule.description),
            )
            for rule in shown.rules
        ),
    )
    return (
        '<div class="sekisho-policy">'
        f"<div><b>{escape(shown.name)}</b> {escape(shown.version)}"
        f' <span style="opacity:.6">{escape(shown.currency)}, {escape(shown.fingerprint[:12])}</span></div>'
        f"<details><summary>{len(shown.features)} features</summary>{features}</details>"
        f"<details><summary>{len(shown.rules)} rules</summary>{rules}</details></div>"
    )


def _described(description: str) -> str:
    return f'<br><span style="opacity:.6">{escape(description)}</span>' if description else ""
