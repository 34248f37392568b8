"""What people read when something fails: what, where, why, and what to do. The texts stand in ``errors.md``.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes them anew: read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.trial.unittest import TestCase

from tests.golden.failures import FAILURES, Failure, Place
from txnats import NatsError
from txnats.server import NatsServer

BOOK = Path(__file__).with_name("errors.md")
_SECTION = re.compile(r"^## ([^\n]*)\n\n```text\n(.*?)```\n", re.DOTALL | re.MULTILINE)
_CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "DATE"),
    (re.compile(r"(127\.0\.0\.1):(?!1\b)\d+"), r"\1:4222"),
)


def told(error: NatsError, folder: Path) -> str:
    """An error in its parts, without what is another each time."""
    parts = [("what", error.what), ("where", error.where), ("why", error.why), ("next", error.hint)]
    if hasattr(error, "causes") and len(error.causes) > 1:
        # In whatever order they were tried.
        count, _, each = error.why.partition(" tried: ")
        causes = sorted(_plain(each, folder).split("; "))
        parts[2:3] = [("why", f"{count} tried:"), *(("", f"  {cause}") for cause in causes)]
        parts[-1:] = [("next", "; ".join(sorted(error.hint.split("; "))))]
    lines = [type(error).__name__, *(f"  {name:<6} {text}" for name, text in parts if text)]
    return "".join(f"{_plain(line, folder)}\n" for line in lines)


def _plain(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "/etc/nats")
    for pattern, shown in _CHANGING:
        text = pattern.sub(shown, text)
    return text


def read() -> dict[str, str]:
    """The texts by the names of the failures."""
    return dict(_SECTION.findall(BOOK.read_text())) if BOOK.exists() else {}


def write(name: str, text: str) -> None:
    """Keep one text."""
    book = {**read(), name: text}
    parts = [f"## {each}\n\n```text\n{book[each]}```\n" for each in FAILURES if each in book]
    BOOK.write_text("\n".join(parts))


@pytest.mark.usefixtures("class_server", "make_server", "folder")
class Errors(TestCase):
    server: NatsServer
    make_server: Callable[..., NatsServer]
    folder: Path

    async def _fails(self, name: str, provoke: Failure) -> None:
        place = Place(self.folder, self.make_server, self.server)
        self.addCleanup(place.closing)
        with pytest.raises(NatsError) as caught:
            await provoke(place)
        error = caught.value
        text = told(error, self.folder)
        if os.environ.get("UPDATE_GOLDEN"):
            write(name, text)
        assert read().get(name) == text
        assert error.what
        assert error.hint, "it does not say what to do"
        assert all(part in str(error) for part in (error.what, error.where, error.why, error.hint))
        assert not re.search("wr0ng|right|s3cret", repr(error))


def _test(name: str, provoke: Failure) -> Callable[[Errors], object]:
    async def test(self: Errors) -> None:
        await self._fails(name, provoke)

    return test


for _name, _provoke in FAILURES.items():
    setattr(Errors, "test_" + re.sub(r"\W+", "_", _name.lower()).strip("_"), _test(_name, _provoke))


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.instance.folder = tmp_path


def test_the_book_tells_of_each_failure_and_of_no_other() -> None:
    assert list(read()) == list(FAILURES)
    assert len(FAILURES) >= 25
