"""The chart's Roles, asked by Dagster's own launcher: enough for what each component does, and not more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from dagster import DagsterRun
from dagster_k8s.job import construct_dagster_k8s_job

from srl_pipeline_tests.infra.apiserver import ApiServer
from srl_pipeline_tests.infra.rendered import NAMESPACE, RELEASE, launcher, of_kind, render, write_kubeconfig

JOB = "dagster-run-1"


@contextmanager
def acting_as(component: str, folder: Path) -> Iterator[tuple[ApiServer, Any, Any]]:
    """An API server with the Role of ``component``; Dagster's client of it; the Job of a run."""
    objects = render({"training": {"ownPod": True}})
    api = ApiServer(NAMESPACE, of_kind(objects, "Role")[f"{RELEASE}-{component}"]["rules"])
    starter = launcher(objects, write_kubeconfig(folder / "kubeconfig", api.url))
    context = starter.get_container_context_for_run(DagsterRun(job_name="regenerate"))
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(None, starter), ["true"], JOB, user_defined_k8s_config=context.run_k8s_config
    )
    try:
        yield api, starter._api_client, job
    finally:
        api.close()


def test_the_daemon_starts_watches_and_ends_runs(tmp_path: Path) -> None:
    with acting_as("daemon", tmp_path) as (api, client, job):
        client.create_namespaced_job_with_retries(body=job, namespace=NAMESPACE)
        assert client.get_job_status(JOB, NAMESPACE).active == 1
        assert client.delete_job(JOB, NAMESPACE) is True
        assert "Could not find job" in client.get_job_debug_info(JOB, NAMESPACE)
        assert client.retrieve_pod_events("gone", NAMESPACE) == []
        assert not api.refused


def test_the_webserver_ends_runs_and_starts_none(tmp_path: Path) -> None:
    with acting_as("webserver", tmp_path) as (api, client, job):
        assert client.delete_job(JOB, NAMESPACE) is False and not api.refused
        with pytest.raises(kubernetes.client.ApiException, match="may not create jobs"):
            client.batch_api.create_namespaced_job(NAMESPACE, job)


def test_a_run_starts_no_runs(tmp_path: Path) -> None:
    with acting_as("run", tmp_path) as (api, client, job):
        with pytest.raises(kubernetes.client.ApiException, match="may not create jobs"):
            client.batch_api.create_namespaced_job(NAMESPACE, job)
        assert api.refused == ["create jobs"]


@pytest.mark.parametrize("component", ["webserver", "daemon", "run"])
def test_nobody_reads_secrets_or_runs_commands_in_pods(component: str, tmp_path: Path) -> None:
    with acting_as(component, tmp_path) as (api, client, _):
        with pytest.raises(kubernetes.client.ApiException, match="may not get secrets"):
            client.core_api.read_namespaced_secret("srl-postgres", NAMESPACE)
        assert not any(api.allows(verb, "", "pods/exec") for verb in ("get", "create"))
