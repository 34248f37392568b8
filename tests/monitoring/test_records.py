"""What servers tell, as values."""

from __future__ import annotations

import pytest

from txnats import RemoteProtocolError
from txnats.monitoring import Connz, Healthz, Report, Statsz, Varz
from txnats.monitoring.records import Refused, read


def test_a_report() -> None:
    text = b"""{"server":{"name":"a","id":"NA","ver":"2.15.1","new":1},"data":{"connections":3,"unknown":{"x":1}}}"""
    report = read(text, Varz)
    assert isinstance(report, Report)
    assert (report.server.name, report.server.id, report.data.connections) == ("a", "NA", 3)
    assert report.raw == {"connections": 3, "unknown": {"x": 1}}


def test_statsz_has_another_envelope() -> None:
    report = read(b'{"server":{},"statsz":{"connections":2,"sent":{"msgs":1,"bytes":2}}}', Statsz)
    assert isinstance(report, Report)
    assert (report.data.connections, report.data.sent.bytes) == (2, 2)


def test_null_is_an_empty_list() -> None:
    report = read(b'{"data":{"connections":null,"num_connections":0}}', Connz)
    assert isinstance(report, Report)
    assert report.data.connections == []


def test_a_refusal() -> None:
    assert read(b'{"error":{"code":400,"description":"no"}}', Healthz) == Refused(400, "no")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"data":5}', b'{"data":{"connections":"many"}}', b'{"server":5}'])
def test_what_is_no_report(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read(text, Varz) if text else read(b"nothing", Varz)
