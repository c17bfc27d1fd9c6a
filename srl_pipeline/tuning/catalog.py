"""From `tuning.yaml` to records. ``SRL_TUNING`` names the file; else it is ``tuning.yaml`` in the current folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from srl_pipeline.errors import PackError, TuningError
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import read_yaml
from srl_pipeline.teachers.catalog.source import without_secret
from srl_pipeline.tuning.spec import Tuner, TuningFile

VARIABLE, FILE = "SRL_TUNING", "tuning.yaml"
MEND = "docs/tuning.md shows the format."


@dataclass(frozen=True)
class TunerCatalog:
    """The tuners of this installation, by name, and the file that lists them."""

    tuners: dict[str, Tuner]
    path: Path

    def get(self, name: str) -> Tuner:
        """One tuner; raises TuningError with the known names."""
        if name not in self.tuners:
            raise TuningError(
                f"There is no tuner {name!r}.", where=str(self.path), mend=f"Use one of {', '.join(self.tuners)}."
            )
        return self.tuners[name]

    def of_provider(self, provider: str) -> str:
        """The name of the one tuner of a provider; raises TuningError where there is none, or more than one."""
        names = [name for name, tuner in self.tuners.items() if tuner.provider == provider]
        if len(names) == 1:
            return names[0]
        what = f"{len(names)} tuners are of provider {provider}: {', '.join(names)}." if names else ""
        raise TuningError(
            what or f"No tuner is of provider {provider}.",
            where=str(self.path),
            mend="Say which one with --tuner." if names else f"Add one. {MEND}",
        )


def read_tuners() -> TunerCatalog:
    """The tuners as the file lists them now; raises TuningError with file, line and mend."""
    named = os.environ.get(VARIABLE)
    path = Path(named or FILE).absolute()
    if not path.is_file():
        raise TuningError(
            f"{path.name} is not there: it says what is tuned where, and at which price.",
            where=f"environment variable {VARIABLE}" if named else str(path),
            mend=MEND,
        )
    try:
        file: TuningFile = validate(cast("Any", TuningFile), read_yaml(path))
        return TunerCatalog(file.tuners, path)
    except PackError as error:
        problem = error
    # Outside of the handler: the cause would quote the file, and the file may hold a key that was pasted into it.
    mend = problem.mend if "docs/packs.md" not in problem.mend else MEND
    raise TuningError(without_secret(problem.what), where=problem.where, mend=mend)
