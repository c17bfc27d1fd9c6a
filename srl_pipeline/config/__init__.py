"""The one configuration tree: typed, validated, defaults documented. `presets` names complete configurations.

Every value can be overridden by its dotted name (``srl.learning_rate=1e-4``): in the Launchpad, on the command line,
or in a pack's ``training:`` section. An unknown name is an error.
"""

from __future__ import annotations

from srl_pipeline.config.base import Config
from srl_pipeline.config.budget import BudgetConfig
from srl_pipeline.config.data import GenerationConfig, LoreConfig
from srl_pipeline.config.evaluation import AblationConfig, EvaluationConfig
from srl_pipeline.config.installation import home, settings_of_installation
from srl_pipeline.config.operation import RetentionConfig, RetrainingConfig, SelectionConfig, SelectionWeights
from srl_pipeline.config.pipeline import PipelineConfig, override
from srl_pipeline.config.policy import PolicyConfig
from srl_pipeline.config.promotion import PromotionConfig, ServingConfig, WeaknessConfig
from srl_pipeline.config.stages import DpoConfig, PpoConfig, RewardWeights, RlvrConfig, SrlConfig
from srl_pipeline.config.student import PreflightConfig, StudentConfig, WarmupConfig
from srl_pipeline.config.tuning import TuningConfig

__all__ = [
    "AblationConfig",
    "BudgetConfig",
    "Config",
    "DpoConfig",
    "EvaluationConfig",
    "GenerationConfig",
    "LoreConfig",
    "PipelineConfig",
    "PolicyConfig",
    "PpoConfig",
    "PreflightConfig",
    "PromotionConfig",
    "RetentionConfig",
    "RetrainingConfig",
    "RewardWeights",
    "RlvrConfig",
    "SelectionConfig",
    "SelectionWeights",
    "ServingConfig",
    "SrlConfig",
    "StudentConfig",
    "TuningConfig",
    "WarmupConfig",
    "WeaknessConfig",
    "home",
    "override",
    "settings_of_installation",
]
