"""Libraries that talk too much."""

from __future__ import annotations


def quiet_libraries() -> None:
    """Libraries' progress bars would drown ours."""
    import warnings

    from transformers.utils import logging as transformers_logging

    warnings.filterwarnings("ignore", category=UserWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
