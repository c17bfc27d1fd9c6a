"""The sections about models: at a glance, what needs attention, a row a model type, trends, weaknesses. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.dashboard.drawing import FULL, NEAR, range_bar, share_bar, sparkline
from srl_pipeline.dashboard.prose import prose
from srl_pipeline.dashboard.records import Evaluation, Gathered, ModelStatus, Spent, Trend
from srl_pipeline.dashboard.tables import cell, row, table
from srl_pipeline.dashboard.words import fraction, interval, month_name, plain, short, usd, when
from srl_pipeline.evaluation.markup import Html, element, joined
from srl_pipeline.tracking import direction, shown

WEAKNESSES = 3
TREND_TITLES = {"pass_rate": "solved", "latency_p50_seconds": "latency", "chain_cost_usd": "cost of making it"}


def attention(gathered: Gathered) -> list[tuple[str, str, str]]:
    """What needs a person: of what, the sentence, and how bad ('bad' or 'mark')."""
    found = [("reading", problem, "bad") for problem in gathered.problems]
    for spent in gathered.spent:
        share = spent.share
        if share is not None and share >= NEAR:
            used = f"{usd(spent.usd + spent.held_usd)} of {usd(spent.cap_usd)} are spent or set aside ({share:.0%})."
            found.append(("money", f"{scope_name(spent.scope)}: {used}", "bad" if share >= FULL else "mark"))
    for model in gathered.models:
        found += [(plain(model.model_type), alarm, "bad") for alarm in model.alarms]
    return found


def scope_name(scope: str) -> str:
    """A scope of the ledger as people say it."""
    kind, _, name = scope.partition(" ")
    return "everything" if scope == "all" else f"{plain(name)} ({'model type' if kind == 'type' else kind})"


def tiles(gathered: Gathered) -> Html:
    """Four figures at a glance."""
    models = gathered.models
    promoted, waiting = sum(m.current is not None for m in models), sum(bool(m.candidate) for m in models)
    alarms = len(attention(gathered))
    everything = next((s for s in gathered.spent if s.scope == "all"), None)
    return element(
        "div",
        _tile("Model types with a current model", str(promoted), f" of {len(models)}"),
        _tile("Candidates waiting", str(waiting)),
        _tile("Needs attention", str(alarms) if alarms else "nothing", kind="bad" if alarms else "good"),
        _tile(f"Spent in {month_name(gathered.month)}", *_of_cap(everything)),
        class_="tiles",
    )


def attention_section(gathered: Gathered) -> Html | None:
    """The list of what needs attention; None where nothing does."""
    found = attention(gathered)
    if not found:
        return None
    items = [element("li", element("b", who), element("span", prose(told)), class_=kind) for who, told, kind in found]
    return joined([element("h2", "Needs attention", id="attention"), element("ul", *items, class_="attention card")])


def models_section(gathered: Gathered) -> Html:
    """A row a model type."""
    columns = ("model type", "current model", "it solves", "newest training", "last decision", "alarms")
    rows = [_model(m) for m in gathered.models]
    told = element(
        "p",
        "The current model is the one that serves. The band around a mark is the 95 % interval of the share of "
        "held-out scenarios that it solves.",
        class_="quiet lead",
    )
    title = "Model types and their current models"
    return joined([element("h2", "Models", id="models"), told, table(title, columns, rows, class_="models")])


def trends_section(gathered: Gathered) -> Html:
    """A row a model type, a column a figure."""
    metrics = list(TREND_TITLES)
    rows = [row(plain(m.model_type), *(_trend(_of(m, name), name) for name in metrics)) for m in gathered.models]
    told = element(
        "p",
        "Up to twelve evaluations, the oldest at the left. Vertical bars are 95 % intervals; a green ring marks a "
        "model that became current, a red one an evaluation that failed a gate. The last change is told in words.",
        class_="quiet lead",
    )
    head = ("model type", *TREND_TITLES.values())
    title = "Figures over the newest evaluations"
    return joined([element("h2", "Trends", id="trends"), told, table(title, head, rows, class_="trends")])


def weaknesses_section(gathered: Gathered) -> Html:
    """A card a model type."""
    told = element(
        "p",
        "Where the newest model of a type fails more often than chance explains, the worst first. The next generation "
        "of examples is drawn with these in mind.",
        class_="quiet lead",
    )
    cards = [
        element("section", element("h3", plain(m.model_type)), _weak(m.weak.sentences), class_="card")
        for m in gathered.models
        if m.weak and m.weak.sentences
    ]
    return joined(
        [
            element("h2", "Weaknesses", id="weaknesses"),
            told,
            element("div", *cards, class_="columns") if cards else None,
            _without(
                "Nothing that chance could not explain", [m for m in gathered.models if m.weak and not m.weak.sentences]
            ),
            _without("Not looked at yet", [m for m in gathered.models if not m.weak]),
        ]
    )


def _tile(name: str, figure: str, more: str = "", bar: Html | None = None, *, kind: str = "") -> Html:
    value = element("p", figure, element("small", more) if more else None, class_="figure")
    return element("div", element("p", name, class_="name"), value, bar, class_=f"tile {kind}".strip())


def _of_cap(spent: Spent | None) -> tuple[str, str, Html | None]:
    if spent is None:
        return usd(0), "", None
    share = spent.share
    cap = f" of {usd(spent.cap_usd)}" if spent.cap_usd else ""
    return usd(spent.usd), cap, None if share is None else share_bar(share)


def _model(model: ModelStatus) -> Html:
    decision = model.last_decision
    decided = (
        [pill(decision.kind, "good" if decision.verdict == "change" else ""), " ", prose(decision.reasons[0])]
        if decision
        else [element("span", "none yet", class_="quiet")]
    )
    return row(
        plain(model.model_type),
        cell("current model", *_current(model)),
        cell("it solves", *(_solved(model.current) if model.current else [])),
        cell("newest training", *_newest(model)),
        cell("last decision", element("span", *decided)),
        cell("alarms", _alarms(model)),
    )


def _current(model: ModelStatus) -> list[Html]:
    if model.current is None:
        return [element("span", "none", class_="quiet")]
    since = f"since {when(model.since, day_only=True)}" if model.since else "since when is not known"
    name = element("code", short(model.current.version), title=model.current.version)
    return [element("span", name, element("small", since, class_="block"))]


def _solved(evaluation: Evaluation) -> list[Html]:
    found = evaluation.solved
    told = element("b", fraction(found)) if found.n else element("span", fraction(found), class_="quiet")
    more = element("small", interval(found), class_="block") if found.n else None
    return [element("span", told, range_bar(found), more)]


def _newest(model: ModelStatus) -> list[Html]:
    if model.newest is None:
        return [element("span", "never evaluated", class_="quiet")]
    state = pill("candidate waits", "mark") if model.candidate else None
    at = element("small", when(model.newest.at, day_only=True), class_="block")
    return [element("span", element("span", fraction(model.newest.solved)), " ", state, at)]


def _alarms(model: ModelStatus) -> Html:
    count = len(model.alarms)
    return pill(f"{count} alarm{'s' if count > 1 else ''}", "bad") if count else pill("none", "good")


def pill(text: str, kind: str) -> Html:
    """A word in a coloured capsule."""
    return element("span", text, class_=f"pill {kind}".strip())


def _of(model: ModelStatus, metric: str) -> Trend:
    return next((t for t in model.trends if t.metric == metric), Trend(metric=metric, points=[], promoted=[]))


def _trend(trend: Trend, metric: str) -> Html:
    label = TREND_TITLES[metric]
    if not trend.points:
        return cell(label, element("span", "not measured", class_="quiet"))
    values = [p.value for p in trend.points]
    told = [element("b", shown(metric, values[-1]))]
    if len(values) > 1:
        told.append(_change(metric, values[-2], values[-1]))
    return cell(label, element("div", sparkline(trend), element("p", *told)))


def _change(metric: str, before: float, after: float) -> Html:
    judged = direction(metric, before, after)
    if not judged or shown(metric, before) == shown(metric, after):
        return element("span", " as before", class_="quiet")
    arrow = "▲" if after > before else "▼"
    return element(
        "span", f" {arrow} {judged}", element("span", f" than {shown(metric, before)}", class_="quiet"), class_=judged
    )


def _without(what: str, models: Sequence[ModelStatus]) -> Html | None:
    names = ", ".join(plain(m.model_type) for m in models)
    return element("p", f"{what}: {names}.", class_="after") if names else None


def _weak(sentences: Sequence[str]) -> Html:
    items = element("ol", *(element("li", prose(s)) for s in sentences[:WEAKNESSES]))
    more = len(sentences) - WEAKNESSES
    return joined([items, element("p", f"and {more} more", class_="quiet") if more > 0 else None])
