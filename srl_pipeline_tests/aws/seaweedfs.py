"""Test-only: SeaweedFS, a real S3 server, on this machine: it checks signatures, digests, permissions, conditions."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIASEAWEEDFSEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}
READER = {"AWS_ACCESS_KEY_ID": "AKIAREADERSEAWEEDFSX", "AWS_SECRET_ACCESS_KEY": "a-reader-of-the-tests"}
"""May read and list, not write."""
START_SECONDS = 60
_PORTS = ("master", "volume", "filer", "s3", "admin")


@dataclass(frozen=True)
class SeaweedServer:
    """A running server."""

    url: str


@cache
def running() -> SeaweedServer:
    """The server of this process, started when it is first asked for, and ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="seaweedfs-"))
    (folder / "data").mkdir()
    _write_identities(folder / "s3.json")
    ports = {f"{name}{kind}": _free_port() for name in _PORTS for kind in (".port", ".port.grpc")}
    command = [
        str(Path(sys.executable).with_name("weed")), "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}", "-s3.iam=false", "-s3.port.iceberg=0",
        "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-admin.ui=false", "-webdav=false", "-master.telemetry=false",
        f"-s3.localSocket={folder / 's3.sock'}", f"-filer.localSocket={folder / 'filer.sock'}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    atexit.register(_end, process, folder, list(ports.values()))
    server = SeaweedServer(f"http://127.0.0.1:{ports['s3.port']}")
    _wait(server, process, folder / "log")
    return server


@pytest.fixture
def seaweed_server(monkeypatch: pytest.MonkeyPatch) -> SeaweedServer:
    """A server that every client in this process, and in processes that it starts, finds by its environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    server = running()
    more = {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**KEYS, **more}.items():
        monkeypatch.setenv(name, value)
    return server


def _write_identities(file: Path) -> None:
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": keys["AWS_ACCESS_KEY_ID"], "secretKey": keys["AWS_SECRET_ACCESS_KEY"]}],
            "actions": actions,
        }
        for name, keys, actions in (
            ("owner", KEYS, ["Admin", "Read", "Write", "List"]),
            ("reader", READER, ["Read", "List"]),
        )
    ]
    file.write_text(json.dumps({"identities": identities}))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: SeaweedServer, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a bucket can be made and written to."""
    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5),
    )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            client.create_bucket(Bucket="is-it-up")
            client.put_object(Bucket="is-it-up", Key="yes", Body=b"")
        except client.exceptions.BucketAlreadyOwnedByYou:
            client.delete_bucket(Bucket="is-it-up")
        except (BotoCoreError, ClientError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes], folder: Path, ports: list[int]) -> None:
    process.kill()  # it keeps nothing that is needed, and takes long to stop by itself
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
    for port in ports:
        for socket_file in Path(os.sep, "tmp").glob(f"seaweedfs-*-{port}.sock"):
            socket_file.unlink(missing_ok=True)
