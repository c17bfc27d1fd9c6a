"""Runs a compiled grader on cases from standard input: ``python -I proof_child.py GRADER``; needs Python alone.

In, a JSON line a case: ``{"text": …, "task": …}``. Out, a line each: ``{"reward": …, "broken": [ids] | null}``, null
where the answer cannot be read; or ``{"unjudgeable": …}``.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any


def run(grader: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """What the module ``grader`` says of a case."""
    task = case["task"]
    try:
        reward = grader["grade"]({"output_text": case["text"]}, {"task": task})
        action = grader["read_action"](case["text"])
        if action is None:
            return {"reward": reward, "broken": None}
        broken = grader["check"](task["step"], task["before"], action, task["axes"], task["facts"])
    except grader["Unjudgeable"] as error:
        return {"unjudgeable": str(error)}
    return {"reward": reward, "broken": broken}


if __name__ == "__main__":
    module = runpy.run_path(sys.argv[1])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(module, json.loads(line))) + "\n")
