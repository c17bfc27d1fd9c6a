"""Values that would make a bad installation are refused by Helm, and the message names the value."""

from __future__ import annotations

import json

import helm_python
import pytest

from srl_pipeline_tests.infra.rendered import CHART, EXTERNAL, Object, render

CLOSED = {"settings", "environment", "teachers", "global"}
"""Whose names the user chooses."""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"images": {"trainer": ""}}, "/images/trainer"),
        ({"images": {"trainer": "registry.example/trainer"}}, "/images/trainer"),
        ({"images": {"trainer": "registry.example:5000/trainer"}}, "/images/trainer"),
        ({"images": {"controlPlane": "registry.example/plane:latest"}}, "/images/controlPlane"),
        ({"store": ""}, "/store"),
        ({"store": "gs://bucket"}, "/store"),
        ({"state": ""}, "/state"),
        ({"state": "sqlite:///x"}, "/state"),
        ({"preset": "huge"}, "/preset"),
        ({"postgres": {"host": ""}}, "/postgres/host"),
        ({"postgres": {"password": "x"}}, "password"),
        ({"environment": {"ANTHROPIC_API_KEY": "x"}}, "ANTHROPIC_API_KEY"),
        ({"environment": {"AWS_SESSION_TOKEN": "x"}}, "AWS_SESSION_TOKEN"),
        ({"environment": {"SRL_STORE": "s3://other"}}, "SRL_STORE"),
        ({"environment": {"SRL_ACTOR": "somebody"}}, "SRL_ACTOR"),
        ({"environment": {"COUNT": 3}}, "/environment/COUNT"),
        ({"training": {"gpus": -1}}, "/training/gpus"),
        ({"training": {"gpuResource": "gpu"}}, "/training/gpuResource"),
        ({"training": {"resources": {"limits": None}}}, "limits"),
        ({"runs": {"resources": {"requests": {"memory": "4 GB"}}}}, "/runs/resources/requests/memory"),
        ({"webserver": {"replicas": 0}}, "/webserver/replicas"),
        ({"webserver": {"replica": 2}}, "replica"),
        ({"network": {"dns": []}}, "/network/dns"),
        ({"externalSecrets": {**EXTERNAL, "store": {"name": ""}}}, "/externalSecrets/store/name"),
        ({"externalSecrets": {**EXTERNAL, "secrets": []}}, "/externalSecrets/secrets"),
        ({"secrets": {"cloud": ["Not A Name"]}}, "/secrets/cloud/0"),
    ],
)
def test_a_bad_value_is_refused_by_name(changes: Object, named: str) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=named):
        render(changes)


def test_the_defaults_alone_install_nothing() -> None:
    with helm_python.Chart.load(CHART) as chart, pytest.raises(helm_python.HelmValuesError) as refused:
        chart.render({}, name="demo")
    for value in ("/images/controlPlane", "/images/trainer", "/store", "/state", "/postgres/host"):
        assert value in str(refused.value)


def test_a_digest_is_as_good_as_a_tag() -> None:
    assert render({"images": {"trainer": "registry.example/trainer@sha256:" + "a" * 64}})


def test_every_value_is_in_the_schema_and_nothing_else_is() -> None:
    with helm_python.Chart.load(CHART) as chart:
        schema, defaults = chart.schema, chart.values
    assert schema is not None
    _same_names(schema["properties"], {**defaults, "global": {}}, schema["definitions"], "")


def _same_names(properties: Object, defaults: Object, definitions: Object, where: str) -> None:
    assert properties.keys() == defaults.keys(), where
    for name, found in properties.items():
        found = definitions[found["$ref"].rsplit("/", 1)[1]] if "$ref" in found else found
        if "properties" in found:
            assert found["additionalProperties"] is False, f"{where}/{name}"
            _same_names(found["properties"], defaults[name], definitions, f"{where}/{name}")
        else:
            assert isinstance(json.dumps(defaults[name]), str)
