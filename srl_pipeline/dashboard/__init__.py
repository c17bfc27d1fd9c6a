"""What designers and monitoring see of an installation: one status page, and Prometheus metrics of the same data."""

from srl_pipeline.dashboard.gather import gather
from srl_pipeline.dashboard.records import Gathered, ModelStatus
from srl_pipeline.dashboard.status_page import status_page
from srl_pipeline.dashboard.write import write_status

__all__ = ["Gathered", "ModelStatus", "gather", "status_page", "write_status"]
