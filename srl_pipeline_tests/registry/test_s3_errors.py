"""What goes wrong with S3 is said with its place and its remedy, and never with a secret."""

from __future__ import annotations

import logging
import socket
import uuid
from pathlib import Path

import pytest
from botocore import exceptions as aws
from s3transfer.exceptions import RetriesExceededError

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.places import STORE, open_store, store_at
from srl_pipeline.registry.s3_bucket import Bucket
from srl_pipeline.registry.s3_errors import explained
from srl_pipeline_tests.aws.moto_server import moto_server
from srl_pipeline_tests.aws.s3_refusals import refusing
from srl_pipeline_tests.aws.seaweedfs import READER, SeaweedServer, seaweed_server
from srl_pipeline_tests.registry.store_contract import NAMES, commit

pytestmark = pytest.mark.chain

__all__ = ["moto_server", "seaweed_server"]
ADDRESS = "s3://studio-artifacts/models"
TOKEN = "FwoGZXIvYXdzEXAMPLEtoken"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """A store whose client finds credentials, and does not wait long between attempts."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    given = {
        STORE: ADDRESS,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    return open_store(tmp_path)


@pytest.mark.parametrize(
    ("status", "code", "message", "what", "mend"),
    [
        (404, "NoSuchBucket", "", "bucket does not exist", "correct SRL_STORE"),
        (403, "AccessDenied", "Access Denied", "denied to GetObject", "s3:GetObject"),
        (403, "AccessDenied", "no policy allows the kms:Decrypt action", "denied to GetObject", "Allow kms:Decrypt"),
        (400, "ExpiredToken", f"The token {TOKEN} has expired", "credentials have expired", "Renew"),
        (403, "InvalidAccessKeyId", "AKIAIOSFODNN7EXAMPLE", "does not accept the credentials", "Renew"),
        (403, "SignatureDoesNotMatch", "", "does not accept the credentials", "Renew"),
        (403, "RequestTimeTooSkewed", "", "refuses the time", "clock"),
        (400, "AuthorizationHeaderMalformed", "", "in another region", "AWS_DEFAULT_REGION"),
        (418, "Teapot", "", "answers Teapot to GetObject", "Look that code up"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_who_can_mend_it(
    store: ArtifactStore,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    message: str,
    what: str,
    mend: str,
) -> None:
    with refusing(status, code, message) as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen[0])
        with pytest.raises(ArtifactError) as caught:
            store.find(*NAMES)
    assert what in caught.value.what
    assert mend in caught.value.mend
    assert caught.value.where == f"{ADDRESS}/poems/lanterns/v1/manifest.json"
    assert caught.value.__cause__ is None
    for secret in ("wJalrXUtnFEMI", TOKEN, "AKIAIOSFODNN7EXAMPLE"):
        assert secret not in str(caught.value)


def test_a_bucket_of_another_region_is_told_with_its_region(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing(301, "PermanentRedirect", headers={"x-amz-bucket-region": "us-west-2"}) as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen[0])
        with pytest.raises(ArtifactError, match="another region, us-west-2") as caught:
            store.find(*NAMES)
    assert "AWS_DEFAULT_REGION=us-west-2" in caught.value.mend


def test_throttling_is_tried_five_times_and_then_told(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing(503, "SlowDown") as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen[0])
        with pytest.raises(ArtifactError, match="refuses more requests"):
            store.find(*NAMES)
    assert seen[1:] == ["GET"] * 5


def test_a_denied_write_names_the_right_that_is_missing_and_keeps_the_work(
    seaweed_server: SeaweedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"read-only-{uuid.uuid4().hex[:8]}"
    Bucket(bucket).client.create_bucket(Bucket=bucket)
    for name, value in READER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(STORE, f"s3://{bucket}")
    reading = open_store(tmp_path)
    with pytest.raises(ArtifactError, match="denied to PutObject") as caught:
        commit(reading)
    assert "Allow s3:PutObject" in caught.value.mend
    assert (reading.work_folder(*NAMES) / "poem.txt").exists()


def test_a_wrong_secret_is_told(
    seaweed_server: SeaweedServer, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweed_server.url)
    with pytest.raises(ArtifactError, match="does not accept the credentials"):
        store.find(*NAMES)


def test_a_missing_bucket_is_never_an_absent_artifact(moto_server: object, tmp_path: Path) -> None:
    store = store_at("s3://there-is-no-such-bucket/models")
    for ask in (lambda: store.find(*NAMES), lambda: store.versions("poems", "lanterns")):
        with pytest.raises(ArtifactError, match="bucket does not exist"):
            ask()


def test_an_endpoint_that_is_not_there_is_told(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(ArtifactError, match="cannot be reached") as caught:
            store.find(*NAMES)
    assert "AWS_ENDPOINT_URL" in caught.value.mend


def test_missing_credentials_are_told(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(ArtifactError, match="no complete AWS credentials"):
        store.find(*NAMES)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (aws.ReadTimeoutError(endpoint_url="https://s3"), "does not answer in time"),
        (aws.ConnectTimeoutError(endpoint_url="https://s3"), "cannot be reached"),
        (aws.ConnectionClosedError(endpoint_url="https://s3"), "cannot be reached"),
        (aws.SSLError(endpoint_url="https://s3", error="x"), "cannot be reached"),
        (RetriesExceededError(aws.ReadTimeoutError(endpoint_url="https://s3")), "does not answer in time"),
        (aws.UnauthorizedSSOTokenError(), "cannot be had"),
        (aws.FlexibleChecksumError(error_msg="x"), "broke on its way"),
        (aws.ParamValidationError(report="x"), "does not send"),
    ],
)
def test_a_request_without_an_answer_is_told(error: Exception, what: str) -> None:
    assert what in explained(error, "s3://bucket/key").what


@pytest.mark.parametrize(
    "address", ["s3://", "s3://B/x", "s3://bucket//x", "s3://bucket/../x", "gs://bucket", "bucket"]
)
def test_an_address_that_is_no_place_in_a_bucket_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(STORE, address)
    with pytest.raises(ArtifactError):
        open_store(tmp_path)


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b", "s3://bucket/a/b/"])
def test_an_address_is_told_without_its_last_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(STORE, address)
    store = open_store(tmp_path)
    assert store.address == address.rstrip("/")
    assert store.home == tmp_path
    assert store.root.is_relative_to(tmp_path / "artifacts-cache" / "bucket")


def test_a_bucket_without_versions_is_warned_of_once(
    moto_server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = f"forgetful-{uuid.uuid4().hex[:8]}"
    Bucket(bucket).client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv(STORE, f"s3://{bucket}")
    with caplog.at_level(logging.WARNING, "srl_pipeline"):
        for version in ("v1", "v2"):
            commit(open_store(tmp_path), {"x": b"x"}, version=version)
    assert [r.getMessage() for r in caplog.records if "no old versions" in r.getMessage()] == [
        f"Bucket {bucket} keeps no old versions: what is overwritten or deleted is gone."
    ]
