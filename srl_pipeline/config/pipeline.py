"""The whole tree, and how single settings are replaced by name."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from srl_pipeline.config.base import Config
from srl_pipeline.config.budget import BudgetConfig
from srl_pipeline.config.data import GenerationConfig, LoreConfig
from srl_pipeline.config.evaluation import AblationConfig, EvaluationConfig
from srl_pipeline.config.operation import RetentionConfig, RetrainingConfig, SelectionConfig
from srl_pipeline.config.promotion import PromotionConfig, ServingConfig, WeaknessConfig
from srl_pipeline.config.stages import RlvrConfig, SrlConfig
from srl_pipeline.config.student import PreflightConfig, StudentConfig, WarmupConfig
from srl_pipeline.config.tuning import TuningConfig
from srl_pipeline.errors import PipelineError


class PipelineConfig(Config):
    """Everything that decides a run of the chain."""

    preset: str
    seed: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: int = Field(
        default=1, ge=1, description="Processes that train a stage together on one machine: one a GPU."
    )
    usd_per_hour: float = Field(
        default=0.0, ge=0, description="Price of the machine that trains; 0: nothing is charged. Changes no weight."
    )
    budget: BudgetConfig = BudgetConfig()
    lore: LoreConfig = LoreConfig()
    generation: GenerationConfig = GenerationConfig()
    student: StudentConfig = StudentConfig()
    warmup: WarmupConfig = WarmupConfig()
    preflight: PreflightConfig = PreflightConfig()
    srl: SrlConfig = SrlConfig()
    rlvr: RlvrConfig = RlvrConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    ablation: AblationConfig = AblationConfig()
    weaknesses: WeaknessConfig = WeaknessConfig()
    promotion: PromotionConfig = PromotionConfig()
    serving: ServingConfig = ServingConfig()
    selection: SelectionConfig = SelectionConfig()
    retraining: RetrainingConfig = RetrainingConfig()
    tuning: TuningConfig = TuningConfig()
    retention: RetentionConfig = RetentionConfig()

    @model_validator(mode="after")
    def _money_has_a_price(self) -> PipelineConfig:
        if (self.srl.cost_budget_usd or self.rlvr.cost_budget_usd) and not self.usd_per_hour:
            raise ValueError("cost_budget_usd needs the price of the machine: set usd_per_hour")
        return self


def override(config: PipelineConfig, values: dict[str, Any]) -> PipelineConfig:
    """``config`` with dotted names replaced; raises PipelineError for an unknown name or a bad value."""
    tree = config.model_dump()
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        node: Any = tree
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict) or leaf not in node:
            raise PipelineError(
                f"There is no setting {dotted!r}.", where="overrides", mend="Names are those of srl_pipeline/config."
            )
        node[leaf] = value
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"])
        raise PipelineError(
            f"{name} = {first.get('input')!r}: {first['msg']}." if name else f"{first['msg']}.",
            where="overrides",
            mend="Give a value within its bounds.",
        ) from error
