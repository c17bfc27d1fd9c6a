"""Model types as data: the packs, and the code that loads and checks them."""

from srl_pipeline.model_types.documents import LoreDocument
from srl_pipeline.model_types.pack import Pack, PackDefinition, find_packs, load_pack, pack_folder, read_pack
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
    "pack_folder",
    "read_pack",
]
