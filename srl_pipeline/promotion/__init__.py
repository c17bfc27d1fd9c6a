"""Registered models: lineage, model card, promotion through gates, going back, export. Importing it loads no torch."""

from srl_pipeline.promotion.explaining import ModelRow, explain, list_models
from srl_pipeline.promotion.exporting import export_folder
from srl_pipeline.promotion.going_back import refuse_candidate, retire, rollback
from srl_pipeline.promotion.lineage import Lineage, read_lineage, trace
from srl_pipeline.promotion.mlflow_export import Exported, export_mlflow, local_tracking_uri
from srl_pipeline.promotion.promoting import promote, promote_by_hand
from srl_pipeline.promotion.registered import build_registered_model
from srl_pipeline.promotion.standing import find_model, made_current, taken_back

__all__ = [
    "Exported",
    "Lineage",
    "ModelRow",
    "build_registered_model",
    "explain",
    "export_folder",
    "export_mlflow",
    "find_model",
    "list_models",
    "local_tracking_uri",
    "made_current",
    "promote",
    "promote_by_hand",
    "read_lineage",
    "refuse_candidate",
    "retire",
    "rollback",
    "taken_back",
    "trace",
]
