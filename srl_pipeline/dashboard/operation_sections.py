"""The sections about operation: money, decisions, failed runs, what runs on what. Pure."""

from __future__ import annotations

import json

from srl_pipeline.dashboard.drawing import share_bar
from srl_pipeline.dashboard.model_sections import pill, scope_name
from srl_pipeline.dashboard.prose import prose
from srl_pipeline.dashboard.records import Gathered, ModelStatus, Spent
from srl_pipeline.dashboard.tables import cell, row, table
from srl_pipeline.dashboard.words import month_name, plain, short, usd, when
from srl_pipeline.evaluation.markup import Child, Html, element, joined
from srl_pipeline.registry import Alternative, Decision

MADE_FROM = {
    "lore_index": "lore",
    "rule_set": "rules",
    "teacher_model": "teacher",
    "trajectories": "examples",
    "srl_checkpoint": "SRL",
    "rlvr_checkpoint": "RLVR",
    "eval_report": "report",
}
"""Asset -> what its column is called."""


def spend_section(gathered: Gathered) -> Html:
    """What the month has cost, against its caps."""
    columns = ("scope", "share of the cap", "spent", "set aside", "cap")
    body = table(
        "Money of this month by scope", columns, [_spent(s) for s in gathered.spent], class_="spend", numbers=3
    )
    told = element("p", "Paid calls of teachers, US dollars. A cap is never exceeded.", class_="quiet lead")
    return joined([element("h2", f"Spend in {month_name(gathered.month)}", id="spend"), told, body])


def decisions_section(gathered: Gathered) -> Html:
    """The newest decisions; each opens to its reasons, alternatives and evidence."""
    head = element("h2", "Decisions", id="decisions")
    if not gathered.decisions:
        return joined([head, element("p", "Nothing was decided yet.", class_="quiet")])
    told = element("p", "Every decision and its reasons, the newest first. Open one to see them.", class_="quiet lead")
    return joined([head, told, element("div", *(_decision(d) for d in gathered.decisions), class_="decisions card")])


def failures_section(gathered: Gathered) -> Html | None:
    """Failed runs; None without any."""
    if not gathered.failures:
        return None
    rows = [
        row(
            when(f.time),
            cell("model type", plain(f.model_type)),
            cell("job", f.job),
            cell("message", element("span", f.message)),
        )
        for f in gathered.failures
    ]
    body = table("Runs that failed, newest first", ("when", "model type", "job", "message"), rows, class_="failures")
    return joined([element("h2", "Failed runs", id="failures"), body])


def versions_section(gathered: Gathered) -> Html:
    """What each current model was made from, and the software."""
    head = element("h2", "What runs on what", id="versions")
    columns = ("model type", "preset", *MADE_FROM.values())
    body = table(
        "Versions behind each current model", columns, [_runs_on(m) for m in gathered.models], class_="versions"
    )
    items = [element("li", f"{name} ", element("b", version)) for name, version in gathered.software.items()]
    return joined([head, body, element("ul", *items, class_="software quiet")])


def _spent(spent: Spent) -> Html:
    share = spent.share
    bar = element("span", share_bar(share), class_="block") if share is not None else None
    return row(
        scope_name(spent.scope),
        cell("of the cap", bar),
        cell("spent", usd(spent.usd), class_="number"),
        cell("set aside", usd(spent.held_usd), class_="number"),
        cell("cap", "none" if spent.cap_usd is None else usd(spent.cap_usd), class_="number"),
    )


def _decision(decision: Decision) -> Html:
    changed = decision.verdict == "change"
    summary = element(
        "summary",
        element("span", when(decision.at), class_="quiet"),
        element("b", plain(decision.model_type)),
        element("span", decision.kind, class_="kind"),
        pill(decision.verdict, "good" if changed else ""),
        element("span", prose(decision.reasons[0]), class_="reason"),
    )
    facts = {"about": decision.subject, "before": decision.before or "nothing", "now": decision.after or "nothing"}
    inner = element(
        "div",
        element("h3", "Reasons"),
        element("ul", *(element("li", prose(reason)) for reason in decision.reasons)),
        element("h3", "What changed" if changed else "What stays"),
        _facts(facts),
        *_alternatives(decision.alternatives),
        *([element("h3", "Evidence"), _facts(decision.evidence)] if decision.evidence else []),
        class_="inner",
    )
    return element("details", summary, inner)


def _facts(facts: dict[str, object] | dict[str, str]) -> Html:
    pairs: list[Child] = []
    for name, value in facts.items():
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)  # to be read, not compared
        pairs += [element("dt", plain(name)), element("dd", told)]
    return element("dl", *pairs)


def _alternatives(alternatives: list[Alternative]) -> list[Html]:
    if not alternatives:
        return []
    rows = [
        row(
            element("span", a.name, " ", pill("chosen", "good") if a.chosen else None),
            cell("why", element("span", prose(a.why))),
            cell("figures", ", ".join(f"{plain(k)} {v:.4g}" for k, v in a.figures.items())),
        )
        for a in alternatives
    ]
    return [
        element("h3", "Alternatives"),
        table("Alternatives", ("alternative", "why", "figures"), rows, class_="alternatives"),
    ]


def _runs_on(model: ModelStatus) -> Html:
    if model.current is None:
        return row(plain(model.model_type), cell("", element("span", "no current model", class_="quiet")))
    cells = [
        cell(title, element("code", short(version), title=version) if (version := model.runs_on.get(asset)) else None)
        for asset, title in MADE_FROM.items()
    ]
    return row(plain(model.model_type), cell("preset", model.preset), *cells)
