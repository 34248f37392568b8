"""The connection as publishes see it."""

from __future__ import annotations

import gc

import txnats
from tests.client.harness import Net
from txnats.jetstream.publish.link import Link


class Owner:
    def __init__(self, client: txnats.Client) -> None:
        self.told: list[tuple[int, bool, bool]] = []
        self.link = Link(client, self.changed)

    def changed(self) -> None:
        self.told.append((self.link.losses, self.link.is_up, self.link.is_closed))


def test_lost_back_and_closed() -> None:
    net = Net()
    client = net.client()
    owner = Owner(client)
    net.pipe.cut()
    assert owner.told == [(1, False, False)]
    net.wait(1)
    assert owner.told[1:] == [(1, True, False)]
    net.end(client)
    assert owner.told[-1] == (1, False, True)
    late = Link(client, owner.changed)
    assert (late.is_up, late.is_closed) == (False, True)


def test_it_hears_nothing_once_its_owner_is_gone() -> None:
    net = Net()
    client = net.client()
    owner = Owner(client)
    told = owner.told
    del owner
    gc.collect()
    assert not client._hub._streams
    net.pipe.cut()
    net.wait(1)
    assert told == []
    net.end(client)
