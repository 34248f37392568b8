"""The generated classes, and the tool that makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from txnats.jetstream import error_codes
from txnats.jetstream.errors import BY_CODE, JetStreamError

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "error_codes.py"


def entry(constant: str, number: int, description: str = "words", comment: str = "") -> dict[str, Any]:
    return {"constant": constant, "code": 400, "error_code": number, "description": description, "comment": comment}


def render(entries: list[dict[str, Any]]) -> str:
    scope: dict[str, Any] = {"__file__": str(TOOL), "__name__": "tool"}
    exec(compile(TOOL.read_text(), str(TOOL), "exec"), scope)
    text = scope["render"](entries)
    assert isinstance(text, str)
    return text


def test_each_class_has_one_number_and_is_a_jetstream_error() -> None:
    kinds = [each for each in vars(error_codes).values() if isinstance(each, type) and each is not JetStreamError]
    assert len(kinds) > 200
    for kind in kinds:
        assert issubclass(kind, JetStreamError)
        assert [BY_CODE[number] for number in kind.err_codes] == [kind]


def test_names_come_without_what_all_have() -> None:
    text = render(
        [
            entry("JSStreamSealedErr", 3),
            entry("JSClusterNoPeersErrF", 2, "{err}", "why"),
            entry("JSMirrorWithFirstSeqErr", 1),
            entry("JSStreamInvalidConfigF", 4),
            entry("JSStreamNotFoundErr", 10059),
        ]
    )
    lines = [line for line in text.splitlines() if line.startswith("class ")]
    assert lines == [
        "class MirrorWithFirstSeq(JetStreamError, err_code=1): ...  # 400 words",
        "class ClusterNoPeers(JetStreamError, err_code=2): ...  # 400 why",
        "class StreamSealed(JetStreamError, err_code=3): ...  # 400 words",
        "class StreamInvalidConfig(JetStreamError, err_code=4): ...  # 400 words",
    ]


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(SystemExit, match="StreamSealed"):
        render([entry("JSStreamSealedErr", 1), entry("JSStreamSealed", 2)])


def test_a_list_that_differs_is_told(tmp_path: Path) -> None:
    listed = tmp_path / "errors.json"
    listed.write_text(json.dumps([entry("JSStreamSealedErr", 1)]))
    command = [sys.executable, str(TOOL), "--check", str(listed)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "is not what this list gives" in ran.stderr
