"""The asset graph, a file a group.

The files here do without ``from __future__ import annotations``: Dagster reads the annotation of ``context`` as an
object and refuses a string.
"""
