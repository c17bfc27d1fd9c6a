"""Typed records that cross a boundary between packages. Data only: no I/O and no decisions.

All records are frozen and refuse unknown fields, so that a change of format is an error and never a silent loss.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict of them."""
Action: TypeAlias = dict[str, Json]
"""The JSON fragment that one step adds to the artefact."""
Artefact: TypeAlias = dict[str, Json]
"""The union of the actions of a solution."""
Facts: TypeAlias = dict[str, dict[str, Json]]
"""Facts that bind a scenario: axis -> fact name -> value."""


class Record(BaseModel):
    """Base of all contracts: immutable, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Scenario(Record):
    """One task: a brief and the facts that bind it."""

    id: str = Field(description="Content hash of model type and axes: equal tasks have equal ids.")
    model_type: str
    axes: dict[str, str | float] = Field(description="Axis -> value (categorical) or number.")
    brief: str
    facts: Facts = Field(description="Facts of the lore documents that the axis values name.")
    documents: list[str] = Field(description="Ids of the lore documents that the facts come from.")
    difficulty: float = Field(ge=0.0, le=1.0, description="The pack's formula, 0 easy to 1 hard.")

    @property
    def band(self) -> Literal["easy", "medium", "hard"]:
        """Difficulty in thirds, for slices."""
        return "easy" if self.difficulty < 1 / 3 else "medium" if self.difficulty < 2 / 3 else "hard"


class Citation(Record):
    """A chunk of lore that a bundle quotes, and why it was chosen."""

    chunk_id: str
    document_id: str
    heading: str
    text: str
    tokens: int
    score: float = Field(description="Reciprocal-rank-fusion score over all queries; higher is better.")
    why: str


class LoreBundle(Record):
    """What Model A returns for a scenario: cited, deduplicated, within a token budget."""

    citations: list[Citation]
    tokens: int
    budget: int
    note: str = Field(default="", description="Said when nothing relevant was found or the budget cut something.")

    @property
    def text(self) -> str:
        """The bundle as the student reads it."""
        return "\n".join(c.text for c in self.citations)


class Step(Record):
    """One step of a solution: free reasoning and the action that counts."""

    title: str
    reasoning: str
    action: Action


class Violation(Record):
    """A rule, or the schema, that an artefact breaks."""

    rule_id: str = Field(description="Rule id, or 'schema' for a structural error.")
    severity: Literal["hard", "soft"]
    weight: float
    skill: str
    step: int = Field(description="Index of the last step that the rule needs: the step that broke it.")
    message: str
    evidence: Literal["present", "missing"] = "present"


class StepResult(Record):
    """What Model C says of one step, given the steps before it."""

    step: int
    structure_ok: bool
    violations: list[Violation]
    compliance: float = Field(ge=0.0, le=1.0, description="Weighted share of the step's applicable rules that hold.")

    @property
    def hard_ok(self) -> bool:
        """Whether the step may stand: no structural error and no hard violation."""
        return self.structure_ok and not any(v.severity == "hard" for v in self.violations)


class Verdict(Record):
    """What Model C says of a whole solution."""

    steps: list[StepResult]
    complete: bool = Field(description="Every step is present.")
    correct: bool = Field(description="Complete, well-formed and no hard violation: the verified outcome.")
    outcome_reward: float = Field(ge=0.0, le=1.0)
    considered: list[str] = Field(description="Rules whose condition held, so that they were checked.")

    @property
    def violations(self) -> list[Violation]:
        """All violations, in step order."""
        return [v for s in self.steps for v in s.violations]


class Revision(Record):
    """A proposal that was sent back, with the messages that the teacher was given."""

    step: int
    attempt: int
    action: Action | None = Field(description="None where the answer was no step at all.")
    messages: list[str]
    reason: str = Field(default="rules", description="'rules', 'schema', or why the answer was unreadable.")
    rules: list[str] = Field(default_factory=list, description="Ids of the rules that it broke.")


class TeacherRef(Record):
    """Which teacher, exactly."""

    name: str
    version: str = Field(description="Content hash of everything that decides its answers.")


class Trajectory(Record):
    """Scenario, lore references and the ordered steps of one solution, with provenance."""

    id: str
    scenario: Scenario
    bundle: LoreBundle
    steps: list[Step]
    teacher: TeacherRef
    variant: Literal["best", "near_best"]
    strategy: str = Field(default="fresh", description="How its scenario was chosen: fresh, adversarial, repair, …")
    soft_cost: float = Field(description="Weighted soft violations; 0 is ideal.")
    revisions: list[Revision]
    generation: int
    novelty: float = Field(description="Share of axis values that differ from the nearest earlier scenario, 0..1.")
    seconds: float

    @property
    def artefact(self) -> Artefact:
        """The union of the steps' actions."""
        return {k: v for s in self.steps for k, v in s.action.items()}


class Gate(Record):
    """A quality gate and what was measured. A failed gate stops every consumer."""

    name: str
    passed: bool
    value: float | None = None
    threshold: float | None = None
    message: str = ""


class Manifest(Record):
    """The commit record of an artifact."""

    asset: str
    model_type: str
    data_version: str
    inputs: dict[str, str] = Field(description="Upstream asset -> its data version.")
    config: dict[str, Json]
    seeds: dict[str, int]
    code_version: str
    created_at: str
    seconds: float
    gates: list[Gate]
    metrics: dict[str, float]
    cost_usd: float
    digests: dict[str, str] = Field(description="Relative file path -> content hash.")
    notes: dict[str, Json] = Field(default_factory=dict)

    @property
    def failed_gates(self) -> list[Gate]:
        """Gates that did not pass."""
        return [g for g in self.gates if not g.passed]


Stage: TypeAlias = Literal["srl_checkpoint", "rlvr_checkpoint", "eval_report", "current_evaluation"]
"""Assets that are made in a training process."""


class StageRequest(Record):
    """All that a training process is told: the same on every launcher."""

    stage: Stage
    root: str = Field(description="Root of the artifact store: a folder, or s3://bucket/prefix.")
    model_type: str
    data_version: str = Field(description="Version of the artifact to make; known before work begins.")
    inputs: dict[str, str] = Field(description="Upstream asset -> data version.")
    config: dict[str, Json] = Field(description="A PipelineConfig.")
    code_version: str


class Sources(Record):
    """Data versions of the three pins that everything downstream rests on."""

    lore_index: str
    teacher_model: str
    rule_set: str
