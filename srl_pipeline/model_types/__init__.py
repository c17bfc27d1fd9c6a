"""Model types as data: the packs, and the code that loads and checks them."""

from srl_pipeline.model_types.documents import LoreDocument
from srl_pipeline.model_types.finding import find_packs, pack_folder, scan_packs
from srl_pipeline.model_types.pack import Pack, PackDefinition, load_pack, read_pack
from srl_pipeline.model_types.scaffold import new_pack
from srl_pipeline.model_types.spec import (
    EnumField,
    FieldSpec,
    FlagField,
    NumberField,
    NumericAxis,
    PackSpec,
    RuleSpec,
    SetField,
    StepSpec,
)

__all__ = [
    "EnumField",
    "FieldSpec",
    "FlagField",
    "LoreDocument",
    "NumberField",
    "NumericAxis",
    "Pack",
    "PackDefinition",
    "PackSpec",
    "RuleSpec",
    "SetField",
    "StepSpec",
    "find_packs",
    "load_pack",
    "new_pack",
    "pack_folder",
    "read_pack",
    "scan_packs",
]
