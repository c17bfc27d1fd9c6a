"""Test-only: S3 and Bedrock on this machine. moto answers; what it lacks for customization jobs is patched here."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self
from urllib.parse import unquote

from moto.bedrock.exceptions import BedrockClientError
from moto.bedrock.responses import BedrockResponse
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from pytest import MonkeyPatch
from werkzeug.exceptions import NotFound
from werkzeug.serving import make_server

from srl_pipeline_tests.vendors.bedrock_jobs import ACCOUNT, Deployed, Job, Script, fault_of
from srl_pipeline_tests.vendors.bedrock_shapes import misfits

REGION, BUCKET = "us-east-1", "srl-tuning-data"
Parameters = dict[str, Any]


class BedrockServer:
    """Used as a context manager; one at a time in a process, whose moto it patches while it is up.

    Patched, because moto 5.2.5 has no transitions of a job's status, forgets `customizationConfig`, ignores
    `clientRequestToken`, answers `ResourceInUseException`, which is none of the operation's errors, to a name that is
    taken, has ARNs and times of another form than AWS's service model, makes the custom model before the job ends,
    reads no training data, and has no deployments.

    Attributes:
        cut: Operation -> for each request in turn, whether its connection is closed before or after its work is done.
        errors: Operation -> for each request in turn, status, code and message of a refusal; None: it is served.
        requests: Operations in the order of arrival.
        jobs: Jobs by their names.
        invalid: What was wrong with requests or answers by AWS's service model.
    """

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=MotoRequestHandler)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it writes a line a request otherwise
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._patches = MonkeyPatch()
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.reset()

    def reset(self, script: Script | None = None, *, bucket_region: str = REGION) -> None:
        """Forget everything; there is one empty bucket `BUCKET` then."""
        self.script = script or Script()
        self.cut: dict[str, list[Literal["before", "after"] | None]] = {}
        self.errors: dict[str, list[tuple[int, str, str] | None]] = {}
        self.requests: list[str] = []
        self.jobs: dict[str, Job] = {}
        self.deployments: dict[str, Deployed] = {}
        self.invalid: list[str] = []
        s3_backends[ACCOUNT].reset()
        s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, bucket_region)

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 needs to come here, and to look nowhere else for credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def bill(self) -> dict[str, int]:
        """Name of each job that has ended -> seconds that it is billed for."""
        return {name: job.seconds for name, job in self.jobs.items() if job.ended}

    def __enter__(self) -> Self:
        for work in (self.create_model_customization_job, self.get_model_customization_job,
                     self.stop_model_customization_job, self.create_custom_model_deployment,
                     self.get_custom_model_deployment):  # fmt: skip
            self._patches.setattr(BedrockResponse, work.__name__, self._handler(work), raising=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._patches.undo()

    def create_model_customization_job(self, request: Parameters, region: str) -> Parameters:
        if (taken := self.jobs.get(request["jobName"])) is not None:
            if taken.request == request:  # token included: the same request again
                return {"jobArn": taken.arn}
            raise BedrockClientError("ConflictException", f"The job name {request['jobName']} is already in use.")
        validators = request.get("validationDataConfig", {"validators": []})["validators"]
        faults = [self._fault(request["trainingDataConfig"], request, self.script.minimum)]
        faults += [self._fault(validator, request, 1) for validator in validators]
        job = Job(request, region, self.script, " ".join(filter(None, faults)))
        self.jobs[request["jobName"]] = job
        return {"jobArn": job.arn}

    def get_model_customization_job(self, request: Parameters, region: str) -> Parameters:
        job = self._job(request["jobIdentifier"])
        if request["jobIdentifier"] == job.arn:
            job.advance()
        return job.answer()

    def stop_model_customization_job(self, request: Parameters, region: str) -> Parameters:
        self._job(request["jobIdentifier"]).stop()
        return {}

    def create_custom_model_deployment(self, request: Parameters, region: str) -> Parameters:
        if not any(job.status == "Completed" and job.model_arn == request["modelArn"] for job in self.jobs.values()):
            raise BedrockClientError("ResourceNotFoundException", "The custom model is not found.")
        made = self.deployments.setdefault(request["modelDeploymentName"], Deployed(request, region, self.script))
        if made.request != request:
            raise BedrockClientError("ValidationException", "The deployment name is already in use.")
        return {"customModelDeploymentArn": made.arn}

    def get_custom_model_deployment(self, request: Parameters, region: str) -> Parameters:
        for name, deployed in self.deployments.items():
            if request["customModelDeploymentIdentifier"] in (name, deployed.arn):
                return deployed.answer()
        raise BedrockClientError("ResourceNotFoundException", "The deployment is not found.")

    def _job(self, identifier: str) -> Job:
        for name, job in self.jobs.items():
            lost = job.script.lost_after is not None and job.seen >= job.script.lost_after
            if identifier in (job.arn, name) and not lost:
                return job
        raise BedrockClientError("ResourceNotFoundException", "The provided job identifier is not found.")

    def _fault(self, place: Parameters, request: Parameters, minimum: int) -> str:
        bucket, _, key = place["s3Uri"].removeprefix("s3://").partition("/")
        if (found := s3_backends[ACCOUNT]["aws"].get_object(bucket, key)) is None:
            raise BedrockClientError("ValidationException", f"Could not read {place['s3Uri']}: it does not exist.")
        return fault_of(found.value, request["customizationType"], minimum)

    def _handler(self, work: Callable[[Parameters, str], Parameters]) -> Callable[[BedrockResponse], Any]:
        """``work`` as a method of moto's, with request and answer held to AWS's service model."""

        def handle(response: BedrockResponse) -> tuple[int, Parameters, str]:
            operation = get_service_model("bedrock").operation_model(response._get_action())
            request = json.loads(response.body or "{}") | {n: unquote(v) for n, v in response.uri_match.items()}
            if wrong := misfits(operation.input_shape, request):
                self.invalid += wrong
                raise BedrockClientError("ValidationException", "; ".join(wrong))
            with self._lock:
                answer = work(request, response.region)
            self.invalid += misfits(operation.output_shape, answer)
            status = operation.http["responseCode"]
            return status, {"status": status}, json.dumps(answer)

        return handle

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        operation = _operation(environ)
        with self._lock:
            self.requests.append(operation)
            cut = self.cut[operation].pop(0) if self.cut.get(operation) else None
            error = self.errors[operation].pop(0) if self.errors.get(operation) else None
        if cut == "before":
            _drop(environ)
        if error is not None:
            status, code, message = error
            start_response(f"{status} {code}", [("x-amzn-errortype", code)])
            xml = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return [(xml if operation.endswith("Object") else json.dumps({"message": message})).encode()]
        answer = self._moto(environ, start_response)
        if cut == "after":
            _drop(environ)
        return answer


def _operation(environ: dict[str, Any]) -> str:
    """Bedrock's name of the operation; of what is not Bedrock's, S3's."""
    try:
        return str(get_service_router("bedrock").match(Request(environ.copy()))[0].name)
    except NotFound:
        what = "Object" if environ["PATH_INFO"].strip("/").count("/") else "Bucket"
        return f"{environ['REQUEST_METHOD'].capitalize()}{what}"


def _drop(environ: dict[str, Any]) -> None:
    """Close the connection without a word, as a broken network does."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("cut by the test")
