"""The list of components is valid and the same each time; advisories that did not answer are no good news."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from srl_pipeline_tests.supply_chain.advisories import ask_advisories
from srl_pipeline_tests.supply_chain.components import installed
from srl_pipeline_tests.supply_chain.findings import ROOT, run
from srl_pipeline_tests.supply_chain.sbom import VERSION, write_sbom

TOOLS = ROOT / ".venv-audit/bin"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (TOOLS / "pip-audit").is_file(), reason="`make audit` installs its tools"),
]
HOLE = {
    "id": "TEST-2026-1",
    "summary": "A hole of the tests.",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "leaky", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Answers as the open database of vulnerabilities does: one package has a hole."""

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"vulns": [HOLE]} if asked["package"]["name"] == "leaky" else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def pins(tmp_path: Path, text: str) -> Path:
    (tmp_path / "pins.txt").write_text(text)
    return tmp_path / "pins.txt"


def test_a_known_hole_is_found_with_the_version_that_mends_it(tmp_path: Path, service: str) -> None:
    step = ask_advisories(TOOLS, pins(tmp_path, "leaky==1.0\nsound==1.0\n"), "required", service)
    assert step.findings == ("leaky 1.0: TEST-2026-1; mended in 2.0",)
    assert step.says.startswith("2 of 2 pins audited")


def test_pins_without_a_hole_have_no_findings(tmp_path: Path, service: str) -> None:
    assert ask_advisories(TOOLS, pins(tmp_path, "sound==1.0\n"), "required", service).findings == ()


def test_without_an_answer_it_fails_where_it_is_required_and_says_so_where_it_is_not(tmp_path: Path) -> None:
    nowhere, file = "http://127.0.0.1:9/v1/query", pins(tmp_path, "sound==1.0\n")
    required = ask_advisories(TOOLS, file, "required", nowhere)
    assert required.findings and required.findings[0].startswith("not audited: no advisory service answered")
    skipped = ask_advisories(TOOLS, file, "where-answered", nowhere)
    assert skipped.findings == () and skipped.says.startswith("not audited: no advisory service answered")


def test_the_list_of_components_is_the_same_each_time(tmp_path: Path) -> None:
    python = TOOLS / "python"
    made = write_sbom(TOOLS, python, tmp_path / "one.json")
    write_sbom(TOOLS, python, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert "pip-audit" in dict(installed(made)) and made["specVersion"] == VERSION


def test_a_list_that_its_schema_does_not_allow_is_refused(tmp_path: Path) -> None:
    write_sbom(TOOLS, TOOLS / "python", tmp_path / "one.json")
    made = json.loads((tmp_path / "one.json").read_text())
    made["components"][0]["type"] = "nonsense"
    (tmp_path / "bad.json").write_text(json.dumps(made))
    schema = Path(str(sys.modules[write_sbom.__module__].__file__)).with_name("sbom_schema.py")
    assert run([TOOLS / "python", schema, VERSION, tmp_path / "one.json"]).returncode == 0
    assert run([TOOLS / "python", schema, VERSION, tmp_path / "bad.json"]).returncode == 1
