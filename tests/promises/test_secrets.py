"""P25: no secret in a log, an event, an error, a traceback with all variables, a repr or a pickle."""

from __future__ import annotations

import copy
import pickle
import shutil
import tempfile
from pathlib import Path

import pytest

import txnats
from tests.client.harness import Net
from tests.promises.doors import DOORS
from tests.promises.failures import FAULTS, Stage
from tests.promises.leaks import held_bare, logins, watching
from tests.promises.promise import Promise, sized
from txnats.connecting import Options


class Secrets(Promise):
    @sized
    async def test_p25_no_secret_shows(self, least: tuple[int, int], shares: int) -> None:
        """Each secret through every fault; in ``shares``, one fault has one share of them and the next another."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        hits: list[str] = []
        held: list[str] = []
        texts = size = 0
        secrets = logins(folder)
        forms = {form for login in secrets.values() for form in login.marker.forms}
        faults = FAULTS | DOORS
        pairs = 0
        for number, (fault, go_wrong) in enumerate(faults.items()):
            with watching() as watch:
                for place, login in list(secrets.items())[number % shares :: shares]:
                    pairs += 1
                    heard = len(watch.texts)
                    stage = Stage(login, watch)
                    go_wrong(stage)
                    stage.settle()
                    for client in stage.clients:
                        held += [f"{fault}, {place}: {holder}" for holder in held_bare(client, login.marker)]
                    stage.end()
                    del stage
                    assert len(watch.texts) > heard, f"{fault}: nothing was heard"
            texts += len(watch.texts)
            size += sum(map(len, watch.texts))
            for text in watch.texts:
                met = {form for form in forms if form in text}
                if met:
                    hits.append(f"{fault}: {around(text, met)}")
        self.tell(
            secrets=len(secrets),
            faults=len(faults),
            pairs=pairs,
            texts=texts,
            characters=size,
            hits=len(hits),
            held_bare=len(held),
        )
        self.flushLoggedErrors()
        assert len(secrets) // shares >= least[0]
        assert len(faults) >= least[1]
        assert pairs >= least[0] * least[1]
        assert not hits, "\n".join(hits[:20])
        assert not held, "\n".join(held[:20])


def test_a_client_and_options_with_a_secret_are_not_pickled() -> None:
    auth = txnats.Token("S3CRET")
    net = Net()
    client = net.client(auth=auth)
    for thing in (client, Options(auth=auth), {"auth": auth}):
        with pytest.raises(Exception, match=r"pickle|secret") as caught:
            pickle.dumps(thing)
        assert "S3CRET" not in str(caught.value)
    assert copy.deepcopy(Options(auth=auth)).auth is auth
    net.end(client)


def around(text: str, forms: set[str]) -> str:
    """Where a secret was met."""
    at = min(text.find(form) for form in forms if form in text)
    return repr(text[max(0, at - 300) : at + 60])
