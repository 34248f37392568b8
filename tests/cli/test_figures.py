"""What a measurement has found."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from txnats.cli.figures import Figures, histogram, read
from txnats.errors import InvalidArgument


def figures(**changes: object) -> Figures:
    fields = {"what": "publish 128 B", "rate": 2000.0, "bytes_rate": 256000.0, "cpu_us": 1.5, **changes}
    return Figures(**fields)  # type: ignore[arg-type]


def test_percentiles_are_times_that_were_seen() -> None:
    hundred = figures(times=[each / 1000 for each in range(100, 0, -1)])
    assert hundred.percentiles() == {"p50": 0.051, "p90": 0.09, "p99": 0.099, "p99.9": 0.1, "most": 0.1}
    assert set(figures(times=[0.5]).percentiles().values()) == {0.5}
    assert figures().percentiles() == {}


def test_words() -> None:
    assert figures().words(None) == {
        "measured": "publish 128 B",
        "messages/s": 2000,
        "data/s": "250.0 KiB",
        "CPU a message": "1.50 us",
    }
    compared = figures().words(figures(rate=1600.0, cpu_us=2.0))
    assert compared["against the saved run"] == "rate +25.0 %, CPU -25.0 %"
    assert "rate new" in str(figures().words(figures(rate=0.0))["against the saved run"])


def test_fields() -> None:
    assert figures(times=[1.0]).fields(figures(rate=1000.0)) == {
        "what": "publish 128 B",
        "rate": 2000.0,
        "bytes_rate": 256000.0,
        "cpu_us": 1.5,
        "percentiles": dict.fromkeys(("p50", "p90", "p99", "p99.9", "most"), 1.0),
        "compared": {"rate": 2.0, "cpu_us": 1.0},
    }
    assert "compared" not in figures().fields(None)


def test_a_saved_run_is_read_again(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_bytes(msgspec.json.encode(figures(times=[0.1])))
    assert read(saved, "publish 128 B") == figures(times=[0.1])
    with pytest.raises(
        InvalidArgument, match=r"this measured subscribe .*run.json.*the saved run measured publish 128 B"
    ):
        read(saved, "subscribe")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1]", b'{"what": 1}'])
def test_what_is_no_saved_run(content: bytes, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_bytes(content)
    with pytest.raises(InvalidArgument, match="cannot be read"):
        read(saved, "publish 128 B")


def test_the_histogram() -> None:
    lines = histogram([0.001] * 30 + [0.01] * 10 + [0.1], bars=2, width=30)
    # Two bars of equal factors from 1 to 100 ms, with the border at 10.
    assert [line.split()[-1] for line in lines] == ["40", "1"]
    assert lines[0].count("█") == 30
    assert lines[1].count("█") == 1


def test_the_histogram_loses_nothing() -> None:
    times = [0.0, 1e-9, 0.5, 0.123, 7.0, 7.0]
    assert sum(int(line.split()[-1]) for line in histogram(times)) == len(times)
    assert histogram([0.2, 0.2, 0.2])[0].endswith(" 3")
    assert histogram([1.0]) == []
    assert histogram([]) == []
