"""The server follows its alias while it serves, and goes on with what it has where it cannot."""

from __future__ import annotations

import pytest

from srl_pipeline.serving import ServingError

from .conftest import Versions
from .world import MODEL, SOLVED, World, wait


def test_a_promotion_elsewhere_is_served_without_a_restart(world: World, versions: Versions) -> None:
    world.point(current=versions.noise)
    with world.serve() as served:
        assert served.ask().srl["correct"] is False
        world.point(current=versions.good, previous=versions.noise)
        wait(lambda: served.health()["version"] == versions.good, "the new model serves")
        assert served.ask().srl["model_version"] == versions.good
        assert [r.since for r in served.live()] == [1, 2]


def test_a_new_model_whose_files_are_altered_leaves_the_old_one_serving_and_is_told(
    world: World, versions: Versions
) -> None:
    file = world.artifact(versions.also_good).path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    world.point(current=versions.good)
    with world.serve() as served:
        world.point(current=versions.also_good, previous=versions.good)
        wait(lambda: served.health()["status"] == "degraded", "the trouble is told")
        health = served.get("/healthz").json()
        assert health["version"] == versions.good
        assert versions.also_good in health["problems"][0] and "altered" in health["problems"][0]
        assert served.count("srl_serving_degraded") == 1
        assert served.ask().srl["model_version"] == versions.good
        world.point(current=versions.good)
        wait(lambda: served.health()["status"] == "ok", "all is well again")


def test_an_alias_that_is_taken_away_leaves_the_model_serving(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    with world.serve() as served:
        world.point(current=None)
        wait(lambda: served.health()["status"] == "degraded", "the trouble is told")
        assert served.ask().srl["correct"] is True


def test_a_shadow_that_cannot_be_loaded_is_told_and_the_live_model_serves(world: World, versions: Versions) -> None:
    (world.artifact(versions.noise).path / "adapter_config.json").unlink()
    world.point(current=versions.good, candidate=versions.noise)
    with world.serve(shadow="candidate") as served:
        assert served.health()["shadow"] is None and "nothing is compared" in served.health()["problems"][0]
        assert served.ask().srl["correct"] is True


def test_a_shadow_that_comes_later_is_asked(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    with world.serve(shadow="candidate") as served:
        served.ask()
        world.point(candidate=versions.also_good)
        wait(lambda: served.health()["shadow"], "the candidate is loaded")
        served.ask()
        of = f'model_type="{MODEL}",role="shadow",version="{versions.also_good}"'
        wait(lambda: served.count(f"srl_serving_requests_total{{{of}}}") == 1, "the shadow is asked")


def test_without_a_current_model_the_server_does_not_begin(world: World) -> None:
    with (
        pytest.raises(ServingError, match=r"No model of houses is current(.|\n)*srl-pipeline run houses"),
        world.serve(),
    ):
        pass


def test_a_journal_that_cannot_be_written_is_told_and_answers_go_on(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    with world.serve() as served:
        served.service._journal._database._writer.execute("PRAGMA query_only = 1")
        assert served.ask().srl["correct"] is True
        assert any(p.startswith("journal: ") for p in served.health()["problems"])
        served.service._journal._database._writer.execute("PRAGMA query_only = 0")
        served.ask(SOLVED)
        wait(lambda: served.health()["status"] == "ok", "the journal is written again")
        assert len(served.live()) == 1
