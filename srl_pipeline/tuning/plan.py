"""What a tuning would be: data set, cost, and everything that must hold before a dollar is spent. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from srl_pipeline.canonical import digest, seed_of
from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Record
from srl_pipeline.errors import BudgetError, PipelineError, TuningError
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, StoredArtifact, dollars
from srl_pipeline.teachers import teacher_entry
from srl_pipeline.teachers.catalog import MAX_AGE_DAYS, TeacherEntry
from srl_pipeline.teachers.registry import check_terms
from srl_pipeline.tuning.capabilities import capability, check_capability, check_examples
from srl_pipeline.tuning.dataset import EXAMPLES, DatasetCard, read_card, read_examples
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.pricing import estimate, to_hold
from srl_pipeline.tuning.providers import check_teacher
from srl_pipeline.tuning.records import Estimate, JobSpec, TuningExample
from srl_pipeline.tuning.spec import Tuner
from srl_pipeline.verification import Verifier


class Check(Record):
    """One thing that must hold, or that should be known."""

    name: str
    state: str = "ok"
    detail: str

    @property
    def failed(self) -> bool:
        """Whether nothing may be spent."""
        return self.state == "failed"


@dataclass(frozen=True)
class Plan:
    """A tuning that has not begun.

    Attributes:
        estimate: None where a check that failed left nothing to estimate.
        card: What the data set is.
    """

    job: TuningJob
    entry: TeacherEntry
    card: DatasetCard
    estimate: Estimate | None
    checks: list[Check]

    @property
    def failed(self) -> list[Check]:
        """What stands against it."""
        return [check for check in self.checks if check.failed]

    def require_sound(self) -> None:
        """Raise TuningError with everything that stands against it."""
        if self.failed:
            raise TuningError(
                "Nothing was spent: " + " ".join(f"{c.name}: {c.detail}" for c in self.failed),
                where=f"tuner {self.job.tuner_name}, model type {self.job.model_type}",
                mend="Mend what is named, and look at it with --dry-run.",
            )


def make_plan(
    home: Path,
    store: ArtifactStore,
    pack: Pack,
    config: PipelineConfig,
    dataset: StoredArtifact,
    tuner_name: str,
    tuner: Tuner,
    attempt: int = 1,
) -> Plan:
    """Look at everything; what is wrong becomes a failed check. Raises TeacherError for an unknown teacher."""
    entry = teacher_entry(tuner.teacher)
    endpoint = tuner.endpoint or entry.endpoint
    examples = read_examples(dataset.path)
    job = plan_job(pack, entry, dataset, tuner_name, tuner, attempt)
    checks: list[Check] = []
    found: list[Estimate] = []

    def checked(name: str, work: Callable[[], str | list[str]]) -> None:
        try:
            told = work()
        except PipelineError as error:
            checks.append(Check(name=name, state="failed", detail=f"{error.what} {error.mend}"))
            return
        warnings = told if isinstance(told, list) else []
        checks.extend(Check(name=name, state="warning", detail=text) for text in warnings)
        if not warnings:
            checks.append(Check(name=name, detail=told if isinstance(told, str) else "nothing to say"))

    def cost() -> str:
        found.append(estimate_job(store, pack, config, dataset, job))
        return f"${found[0].usd.likely:.4f} likely, ${found[0].usd.most:.4f} at the most"

    checked("teacher", lambda: _teacher(entry, tuner))
    checked("vendor", lambda: _vendor(job, endpoint))
    checked("terms", lambda: _terms(job, entry))
    checked("key", lambda: _key(entry))
    checked("examples", lambda: _examples(job, endpoint, examples))
    if compiles(tuner):
        checked("grader", lambda: _grader(job, pack))
    checked("cost", cost)
    if found and tuner.price is not None:
        checked("prices", lambda: _prices(tuner))
    if found:
        checked("budget", lambda: _budget(home, config, job, entry, found[0]))
    return Plan(_with_grader(job, pack, checks), entry, read_card(dataset.path), found[0] if found else None, checks)


def plan_job(
    pack: Pack, entry: TeacherEntry, dataset: StoredArtifact, tuner_name: str, tuner: Tuner, attempt: int
) -> TuningJob:
    """The job: its key is the hash of all that decides the tuned model."""
    # the data itself, not its version: that changes with the code that makes it
    data = dataset.manifest.digests[EXAMPLES]
    # a grader is made of the rules, which the examples need not show
    rules = dataset.manifest.inputs["rule_set"] if tuner.method == "reinforcement" else ""
    hashed = digest([pack.name, tuner.identity, entry.identity, data, rules, attempt])
    key = f"srl-{hashed}"
    word = "".join(letter if letter.isalnum() else "-" for letter in pack.name[:11])
    spec = JobSpec(
        key=key,
        model=tuner.model or entry.model,
        method=tuner.method,
        name=f"{word}-{hashed[:6]}",
        seed=seed_of("tuning", key) % 2**31,
        epochs=tuner.epochs,
        batch_size=tuner.batch_size,
        learning_rate_multiplier=tuner.learning_rate_multiplier,
        beta=tuner.beta,
    )
    at = now_iso()
    return TuningJob(
        key=key,
        model_type=pack.name,
        tuner_name=tuner_name,
        tuner=tuner,
        dataset=dataset.data_version,
        spec=spec,
        attempt=attempt,
        entry=entry,
        phase="planned",
        created_at=at,
        updated_at=at,
    )


def estimate_job(
    store: ArtifactStore, pack: Pack, config: PipelineConfig, dataset: StoredArtifact, job: TuningJob
) -> Estimate:
    """What a job is expected to cost; raises BudgetError for an unknown price."""
    if job.tuner.method == "prompt":
        from srl_pipeline.tuning.prompting import prompt_search
        from srl_pipeline.tuning.prompts import estimate_prompt

        return estimate_prompt(prompt_search(store, dataset, job), Verifier(pack), config)
    return estimate(read_examples(dataset.path), job.tuner, job.tuner_name)


def compiles(tuner: Tuner) -> bool:
    """Whether the rules are sent to the vendor; a reward function of one's own asks Model C itself."""
    return tuner.method == "reinforcement" and not tuner.reward_function


def _teacher(entry: TeacherEntry, tuner: Tuner) -> str:
    check_teacher(entry, tuner)
    return f"{tuner.teacher} is of kind {entry.kind}"


def _prices(tuner: Tuner) -> str | list[str]:
    """Whether the tuner's dates are old; prices change."""
    assert tuner.price is not None  # there is an estimate
    today = date.fromisoformat(now_iso()[:10])
    days = {"price": tuner.price.as_of, "price.tuned": tuner.price.tuned.as_of}
    old = [f"'{name}' is of {day}; look it up again" for name, day in days.items() if (today - day).days > MAX_AGE_DAYS]
    return old or f"of {tuner.price.as_of}"


def _vendor(job: TuningJob, endpoint: str | None) -> str | list[str]:
    tuner = job.tuner
    today = date.fromisoformat(now_iso()[:10])
    warnings = check_capability(tuner.provider, job.spec.model, tuner.method, today, endpoint)
    return warnings or f"{tuner.provider} offers {tuner.method} for {job.spec.model}"


def _terms(job: TuningJob, entry: TeacherEntry) -> str:
    check_terms(job.tuner.teacher, entry)
    source = entry.terms.source if entry.terms else "no vendor's terms"
    return f"its outputs may train a model ({source})"


def _key(entry: TeacherEntry) -> str:
    from srl_pipeline.teachers.providers.credentials import credential_of

    if entry.api_key_env is None and entry.endpoint is None and entry.project:
        return "the cloud's own credentials are used; they are asked for when the job begins"
    variable = credential_of(entry).variable
    return f"{variable} is set" if variable else "the endpoint asks for none"


def _examples(job: TuningJob, endpoint: str | None, examples: Sequence[TuningExample]) -> str:
    tuner = job.tuner
    used = [e for e in examples if e.rejected is not None] if tuner.method == "preference" else examples
    check_examples(used, capability(tuner.provider, job.spec.model, tuner.method, endpoint), tuner.epochs)
    train = sum(e.split == "train" for e in used)
    return f"{train} to train on, {len(used) - train} to validate on"


def _grader(job: TuningJob, pack: Pack) -> str:
    from srl_pipeline.tuning.graders import compile_grader, prove_grader

    verifier = Verifier(pack)
    source = compile_grader(verifier)
    proof = prove_grader(source, verifier)
    return f"equals the verifier on all {proof.cases} steps of the pack's examples; {len(source):,} characters"


def _with_grader(job: TuningJob, pack: Pack, checks: Sequence[Check]) -> TuningJob:
    if not compiles(job.tuner) or any(c.name == "grader" and c.failed for c in checks):
        return job
    from srl_pipeline.tuning.graders import compile_grader

    spec = job.spec.model_copy(update={"grader": compile_grader(Verifier(pack))})
    return job.model_copy(update={"spec": spec})


def _budget(home: Path, config: PipelineConfig, job: TuningJob, entry: TeacherEntry, found: Estimate) -> str:
    """Whether the caps leave what would be set aside now; what a job has set aside already is not asked for again."""
    from srl_pipeline.registry import Account
    from srl_pipeline.registry.places import open_ledger
    from srl_pipeline.registry.room import least_left
    from srl_pipeline.teachers.calls.pricing import caps_of

    needed = to_hold(found)
    ledger = open_ledger(home)
    try:
        if ledger.open_holds(job.run):
            return "it is set aside already"
        account = Account(run=job.run, model_type=job.model_type, vendor=entry.account_vendor)
        left, name = least_left(ledger, account, caps_of(config.budget, account.vendor))
    finally:
        ledger.close()
    if needed > left:
        raise BudgetError(
            f"The job may cost ${dollars(needed):.4f}, and {name} leaves ${dollars(left):.4f}.",
            where=f"tuner {job.tuner_name}",
            mend=f"Set {name}: nothing is paid without it." if left == 0 else f"Raise {name}.",
        )
    return f"{name} leaves ${dollars(left):.4f}; ${dollars(needed):.4f} are set aside when it begins"
