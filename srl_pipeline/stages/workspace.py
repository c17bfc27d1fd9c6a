"""What every stage of a training process loads: the pinned pack, trajectories with verdicts, the student."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import StageRequest, Step, Trajectory
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.tables import read_rewards, read_trajectories
from srl_pipeline.lore import load_documents
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.registry.places import store_at
from srl_pipeline.training.environment.prompts import PromptWriter
from srl_pipeline.training.environment.transcript import write
from srl_pipeline.training.peers import peers
from srl_pipeline.training.rollouts.coverage import Origin
from srl_pipeline.training.students.student import Student, load_student, student_folder
from srl_pipeline.verification import Verifier, pinned_pack, split_actions

log = logging.getLogger("srl_pipeline")


@dataclass(frozen=True)
class Workspace:
    """The inputs of one request, loaded when first used."""

    request: StageRequest
    config: PipelineConfig
    store: ArtifactStore

    @classmethod
    def of(cls, request: StageRequest) -> Workspace:
        """Open a request."""
        return cls(request, PipelineConfig.model_validate(request.config), store_at(request.root))

    def input(self, asset: str) -> StoredArtifact:
        """An upstream artifact: present, unaltered, gates passed."""
        if asset not in self.request.inputs:
            raise ArtifactError(
                f"The request for {self.request.stage} names no {asset}.",
                where="stage request",
                mend="Build the request with stage_request and all of the stage's inputs.",
            )
        return self.store.require(asset, self.request.model_type, self.request.inputs[asset])

    def save(self) -> None:
        """Save the work folder for other machines. In vain, where the store cannot be reached: the next save tries."""
        if not peers().first:
            return
        try:
            self.store.save_work(self.request.stage, self.request.model_type, self.request.data_version)
        except ArtifactError as error:
            log.warning("The work so far could not be saved for other machines. %s", error)

    @cached_property
    def pack(self) -> Pack:
        return pinned_pack(self.input("rule_set"), load_documents(self.input("lore_index")))

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.pack)

    @cached_property
    def accepted(self) -> dict[str, list[Trajectory]]:
        """Accepted trajectories by split, in the order of generation."""
        rewards = {r.trajectory_id: r for r in read_rewards(self.input("verified_rewards").path)}
        found: dict[str, list[Trajectory]] = {"train": [], "validation": []}
        for trajectory in read_trajectories(self.input("trajectories").path):
            reward = rewards[trajectory.id]
            if reward.accepted:
                found[reward.split].append(trajectory)
        return found

    @cached_property
    def origin(self) -> Origin:
        """What the training prompts are made of."""
        written = [r for r in read_rewards(self.input("verified_rewards").path) if r.split == "train"]
        return Origin(trajectories=len(written), accepted=len(self.accepted["train"]))

    @cached_property
    def student_path(self) -> Path:
        """The student's folder, below the store's cache. The tiny student is made of the pack's lore and gold."""
        lore = [document.prose for _, document in sorted(self.pack.documents.items())]
        return student_folder(self.config, self.store.home / "students", lore, self._gold_transcripts)

    @property
    def _gold_transcripts(self) -> list[str]:
        steps = self.pack.spec.steps
        return [
            write(
                [
                    Step(title=step.title, reasoning="", action=action)
                    for step, action in zip(steps, split_actions(self.pack, gold.artefact), strict=True)
                ]
            )
            for gold in self.pack.definition.examples.gold
        ]

    def load(self) -> Student:
        """A fresh copy of the student, without adapters."""
        return load_student(self.student_path, self.config)

    def writer(self, student: Student) -> PromptWriter:
        """Prompts of this pack for this student."""
        return PromptWriter(self.pack.spec, student.tokenizer)
