"""Test-only: moto as a process of its own, with what it lacks of the APIs that the AWS provider calls.

``python -m srl_pipeline_tests.infra.emulator`` prints its address and serves until its standard input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from srl_pipeline_tests.aws.moto_server import MotoServer

Start = Callable[..., Any]
NO_METRICS = (
    "<Error><Code>NoSuchConfiguration</Code><Message>The specified configuration does not exist.</Message></Error>"
)


@contextmanager
def emulated_aws() -> Iterator[str]:
    """The address of a fresh, empty AWS."""
    command = [sys.executable, "-m", "srl_pipeline_tests.infra.emulator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), f"the emulator did not start: {url!r}"
            yield url
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(60)
            finally:
                process.kill()


def patch_budgets() -> None:
    """moto 5.2.5 has neither call, and drops a budget's tags; the provider reads all of them after it made a budget."""
    from moto.budgets.responses import BudgetsResponse

    create = BudgetsResponse.create_budget
    tags: dict[str, list[dict[str, str]]] = {}

    def create_budget(self: Any) -> str:
        name = self._get_param("Budget")["BudgetName"]
        tags[f"arn:aws:budgets::{self.current_account}:budget/{name}"] = self._get_param("ResourceTags", [])
        return create(self)

    def describe_subscribers_for_notification(self: Any) -> str:
        kept = self.backend.budgets[self.current_account][self._get_param("BudgetName")].notifications
        wanted = self._get_param("Notification")
        found: Any = next(n for n in kept if n.details.items() <= wanted.items())
        return json.dumps({"Subscribers": found.subscribers})

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"ResourceTags": tags.get(self._get_param("ResourceARN"), [])})

    for method in (create_budget, describe_subscribers_for_notification, list_tags_for_resource):
        setattr(BudgetsResponse, method.__name__, method)


def patch_step_functions() -> None:
    """moto 5.2.5 has neither call: the provider validates a definition while it plans, and looks for versions."""
    from moto.core.responses import ActionResult
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.responses import StepFunctionResponse

    def validate_state_machine_definition(self: Any) -> ActionResult:
        AmazonStateLanguageParser.parse(self._get_param("definition"))  # raises where it is no Amazon States Language
        return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})

    def list_state_machine_versions(self: Any) -> ActionResult:
        return ActionResult({"stateMachineVersions": []})

    for method in (validate_state_machine_definition, list_state_machine_versions):
        setattr(StepFunctionResponse, method.__name__, method)


def patch_bucket_policies() -> None:
    """moto 5.2.5 takes a condition that does not hold for a denial: a policy that demands TLS would forbid everything.

    Requests to the emulator count as encrypted.
    """
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    plain = {"Bool": {"aws:SecureTransport": "false"}}

    def get_permission(self: Any, action: str, resource: str) -> Any:
        policy = json.loads(self.policy) if self.policy else {"Statement": []}
        statements = [s for s in policy["Statement"] if s.get("Condition") != plain]
        if not statements:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps({**policy, "Statement": statements})).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def with_bucket_metrics(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """moto 5.2.5 knows nothing of request metrics: it takes the request that sets them for one to make the bucket."""
    kept: dict[str, bytes] = {}

    def serve(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "").split("&")
        if not any(part.partition("=")[0] == "metrics" for part in query):
            return application(environ, start)
        key = environ["PATH_INFO"] + "?" + next(part for part in query if part.startswith("id="))
        xml = [("Content-Type", "application/xml")]
        if environ["REQUEST_METHOD"] == "PUT":
            kept[key] = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start("200 OK", xml)
            return [b""]
        if key not in kept:
            start("404 Not Found", xml)
            return [NO_METRICS.encode()]
        start("204 No Content" if environ["REQUEST_METHOD"] == "DELETE" else "200 OK", xml)
        return [b"" if environ["REQUEST_METHOD"] == "DELETE" and kept.pop(key) else kept[key]]

    return serve


def main() -> None:
    """Serve until standard input ends: an emulator never outlives its test."""
    patch_budgets()
    patch_step_functions()
    patch_bucket_policies()
    server = MotoServer(with_bucket_metrics)
    print(server.url, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
