"""Who decided, spent and changed what, in one order of time; and whether it is as it was kept."""

from srl_pipeline.auditing.configuration import Seen, note_configuration, seen_by
from srl_pipeline.auditing.log import Line, log
from srl_pipeline.auditing.verify import Verified, verify

__all__ = ["Line", "Seen", "Verified", "log", "note_configuration", "seen_by", "verify"]
