"""Test-only: a detector for keys that detect-secrets does not know by itself; it loads this file."""

from __future__ import annotations

import re

from detect_secrets.plugins.base import RegexBasedDetector


class VendorKeyDetector(RegexBasedDetector):
    """Keys of Anthropic, Google and Hugging Face, and newer ones of OpenAI, by their fixed beginnings."""

    secret_type = "Vendor Key"

    denylist = (
        re.compile(r"sk-ant-[A-Za-z0-9_-]{32,}"),
        re.compile(r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}"),
        re.compile(r"AIza[0-9A-Za-z_-]{35}"),
        re.compile(r"hf_[A-Za-z0-9]{34}"),
    )
