"""To the letter: the same bytes go in, the same bytes come out."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.worlds import Story, in_every_world
from txnats.server import ServerUser, SubjectRules

BLOCK = b"NATS/1.0\r\nA: bcd\r\n\r\n"


class Transcripts(Story):
    async def says(self, sent: bytes, expected: bytes, **connect: Any) -> None:
        """What the server answers to these bytes, on a connection that goes on."""
        client = await self.raw(**connect)
        client.write(sent + b"PING\r\n")
        assert await client.until(b"PONG\r\n") == expected + b"PONG\r\n"
        await client.close()

    async def ends(self, sent: bytes, expected: bytes, **connect: Any) -> None:
        """What the server says before it closes."""
        client = await self.raw(**connect)
        client.write(sent)
        told = await client.until(None)
        assert told == expected or (told == b"" and not self.last_words)
        await client.close()

    async def test_messages(self) -> None:
        await self.says(b"SUB a.* 1\r\nPUB a.b 2\r\nhi\r\n", b"MSG a.b 1 2\r\nhi\r\n")
        await self.says(b"SUB a seven\r\nPUB a re.ply 0\r\n\r\n", b"MSG a seven re.ply 0\r\n\r\n")
        await self.says(b"SUB a 1\r\nSUB b 1\r\nPUB b 0\r\n\r\nPUB a 0\r\n\r\n", b"MSG a 1 0\r\n\r\n")
        await self.says(b"SUB x.> 1\r\nPUB x. 0\r\n\r\nPUB x..y 0\r\n\r\nPUB x 0\r\n\r\n", b"")
        await self.says(b"SUB x.* 1\r\nPUB x.* 0\r\n\r\n", b"MSG x.* 1 0\r\n\r\n")

    async def test_headers(self) -> None:
        await self.says(b"SUB a 1\r\nHPUB a 20 22\r\n" + BLOCK + b"hi\r\n", b"HMSG a 1 20 22\r\n" + BLOCK + b"hi\r\n")
        await self.says(
            b"SUB a 1\r\nHPUB a re 0020  022\r\n" + BLOCK + b"hi\r\n", b"HMSG a 1 re 0020 022\r\n" + BLOCK + b"hi\r\n"
        )
        await self.says(b"SUB a 1\r\nHPUB a 0 2\r\nhi\r\n", b"MSG a 1 2\r\nhi\r\n")
        await self.says(b"SUB a 1\r\nHPUB a 4 6\r\nxxxxhi\r\n", b"HMSG a 1 4 6\r\nxxxxhi\r\n")
        no_headers = {"headers": False, "no_responders": False}
        await self.ends(b"HPUB a 20 22\r\n" + BLOCK + b"hi\r\n", b"", **no_headers)

    async def test_a_client_without_headers_gets_the_payload_alone(self) -> None:
        plain, other = await self.raw(headers=False, no_responders=False), await self.raw()
        plain.write(b"SUB a 1\r\nPING\r\n")
        await plain.until(b"PONG\r\n")
        other.write(b"HPUB a re 20 22\r\n" + BLOCK + b"hi\r\n")
        assert await plain.until(b"hi\r\n") == b"MSG a 1 re 2\r\nhi\r\n"

    async def test_no_responders(self) -> None:
        told = b"HMSG in.1 1 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n"
        await self.says(b"SUB in.* 1\r\nPUB nobody in.1 2\r\nhi\r\n", told)
        await self.says(b"SUB in.* 1\r\nHPUB nobody in.1 20 20\r\n" + BLOCK + b"\r\n", told)
        await self.says(b"SUB in.* 1\r\nPUB nobody else.1 2\r\nhi\r\n", b"")
        await self.says(b"SUB in.* q 1\r\nPUB nobody in.1 2\r\nhi\r\n", b"")
        await self.says(b"SUB in.* 1\r\nPUB nobody in.1 2\r\nhi\r\n", b"", no_responders=False)

    async def test_verbose(self) -> None:
        ok = b"+OK\r\n"
        await self.says(b"SUB a 1\r\nPUB a 2\r\nhi\r\n", ok + ok + ok + b"MSG a 1 2\r\nhi\r\n", verbose=True)
        await self.says(
            b"UNSUB 1\r\nSUB a..b 1\r\nPUB a 0\r\n\r\n", ok + ok + error("Invalid Subject") + ok, verbose=True
        )

    async def test_what_connect_does_not_say(self) -> None:
        """Verbose, pedantic and echo are on until a client turns them off."""
        for first in (b"", b"CONNECT {}\r\n"):
            bare = await self.bare()
            await bare.until(b"\r\n")
            bare.write(first + b"SUB a 1\r\nPUB a 0\r\n\r\nPUB a.* 0\r\n\r\nPING\r\n")
            told = b"+OK\r\n" * 2 + b"MSG a 1 0\r\n\r\n" + error("Invalid Publish Subject") + b"+OK\r\nPONG\r\n"
            assert await bare.until(b"PONG\r\n") == (b"+OK\r\n" if first else b"") + told

    async def test_a_second_connect_changes_what_it_names_and_ends_subscriptions(self) -> None:
        await self.says(b'CONNECT {"verbose":true}\r\nPUB a 0\r\n\r\n', b"+OK\r\n+OK\r\n")
        await self.says(b"CONNECT {}\r\nPUB a 0\r\n\r\n", b"")
        await self.says(b"SUB a 1\r\nCONNECT {}\r\nPUB a 0\r\n\r\n", b"")
        again = b"SUB a 1\r\nCONNECT {}\r\nSUB a 1\r\nPUB a 0\r\n\r\n"
        await self.says(again, b"MSG a 1 0\r\n\r\n")

    async def test_pedantic(self) -> None:
        refused = error("Invalid Publish Subject")
        for subject in (b"a.*", b"a.>", b"a..b", b"a.", b".a"):
            await self.says(b"PUB " + subject + b" 0\r\n\r\n", refused, pedantic=True)
        await self.says(b"PUB a.b*c 0\r\n\r\nPUB a.>> 0\r\n\r\n", b"", pedantic=True)

    async def test_subjects_that_cannot_be_subscribed_to(self) -> None:
        for subject in (b"a..b", b".a", b"a.", b"a.>.b", b"."):
            await self.says(b"SUB " + subject + b" 1\r\n", error("Invalid Subject"))
        await self.says(b"SUB a.b* 1\r\nPUB a.b* 0\r\n\r\n", b"MSG a.b* 1 0\r\n\r\n")

    async def test_unsubscribing(self) -> None:
        message = b"MSG a 1 0\r\n\r\n"
        publish = b"PUB a 0\r\n\r\n"
        await self.says(b"SUB a 1\r\nUNSUB 1\r\n" + publish, b"")
        await self.says(b"SUB a 1\r\nUNSUB 1 2\r\n" + publish * 3, message * 2)
        await self.says(b"SUB a 1\r\n" + publish * 2 + b"UNSUB 1 3\r\n" + publish * 2, message * 3)
        await self.says(b"SUB a 1\r\n" + publish * 2 + b"UNSUB 1 2\r\n" + publish, message * 2)
        await self.says(b"SUB a 1\r\nUNSUB 1 1\r\n" + publish * 2 + b"SUB a 1\r\n" + publish, message * 2)
        for maximum in (b"0", b"-1", b"x"):
            await self.says(b"SUB a 1\r\nUNSUB 1 " + maximum + b"\r\n" + publish, b"")
        await self.says(b"UNSUB 99\r\nUNSUB 99 1\r\n", b"")

    async def test_echo_off(self) -> None:
        told = b"HMSG in 2 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n"
        await self.says(b"SUB a 1\r\nSUB in 2\r\nPUB a in 0\r\n\r\n", told, echo=False)

    async def test_grammar(self) -> None:
        await self.says(b"sub a 1\r\npub a 1\r\nx\r\nPing\r\n", b"MSG a 1 1\r\nx\r\n")
        await self.says(b"sub\ta\t \t1\r\npub  a   \t1 \r\nx\r\n", b"MSG a 1 1\r\nx\r\n")
        await self.says(b"SUB a 1\nPUB a 1\nx\r\n+OK\r\nINFO {}\r\nPONG\r\n", b"MSG a 1 1\r\nx\r\n")

    async def test_what_is_no_command(self) -> None:
        unknown = error("Unknown Protocol Operation")
        for sent in (b"FOO\r\n", b"\r\n", b"PUBA\r\n", b"UNSUB\r\n", b"MSG a 1 0\r\n\r\n", b"PIX", b"X", b"-ERR\r\n"):
            await self.ends(sent, unknown)
        await self.ends(b"PUB a 3\r\nabcd\r\n", unknown)
        await self.ends(b"PUB a 1\r\nx\n\n", unknown)

    async def test_what_cannot_be_read_ends_without_a_word(self) -> None:
        for sent in (
            b"PUB a\r\n",
            b"PUB a x\r\n",
            b"PUB a -1\r\n",
            b"PUB a b c 1\r\n",
            b"PUB a 99999999999999999999\r\n",
        ):
            await self.ends(sent, b"")
        for sent in (b"SUB a\r\n", b"SUB a b c d\r\n", b"UNSUB 1 2 3\r\n", b"HPUB a 12\r\n", b"HPUB a 9 2\r\n"):
            await self.ends(sent, b"")
        for sent in (b"-ERR x\r\n", b"INFO x\r\n", b"CONNECT {\r\n", b'CONNECT {"verbose":1}\r\n'):
            await self.ends(sent, b"")

    async def test_too_large_and_too_long(self) -> None:
        await self.serve(max_payload=1_000)
        too_large = error("Maximum Payload Violation")
        await self.ends(b"PUB a 1001\r\n", too_large)
        await self.ends(b"HPUB a 12 1001\r\n", too_large)
        await self.says(b"SUB a 1\r\nPUB a 1000\r\n%b\r\n" % bytes(1_000), b"MSG a 1 1000\r\n%b\r\n" % bytes(1_000))
        too_long = error("maximum control line exceeded")
        await self.ends(b"SUB " + b"a" * 5_000 + b" 1\r\n", too_long)
        await self.ends(b"SUB " + b"a" * 5_000, too_long)
        await self.says(b"SUB " + b"a" * 4_094 + b" 1\r\n", b"")

    async def test_greetings_that_are_refused(self) -> None:
        await self.ends(b"", error("invalid client protocol"), protocol=2)
        await self.ends(b"", error("no responders requires headers support"), headers=False)
        await self.serve(user="joe", password="secret")
        refused = error("Authorization Violation")
        await self.ends(b"", refused, user="joe")
        for first in (b"PING\r\n", b"FOO\r\n", b"CONNECT {}\r\n"):
            bare = await self.bare()
            await bare.until(b"\r\n")
            bare.write(first)
            assert await bare.until(None) == refused

    async def test_refusals(self) -> None:
        rules = SubjectRules(allow=["a.*"], deny=["a.no"])
        await self.serve(users=[ServerUser(name="joe", password="j", publish=rules, subscribe=rules)])
        joe = {"user": "joe", "pass": "j"}
        for subject, shown in (
            (b"a.no", "a.no"),
            (b"b", "b"),
            (b'a"\\b', 'a\\"\\\\b'),
            (b"\xff\x01\xc3\xa4", "\\xff\\x01ä"),
        ):
            publish = error(f'Permissions Violation for Publish to "{shown}"')
            await self.says(b"PUB " + subject + b" 0\r\n\r\n", publish, **joe)
            subscribe = error(f'Permissions Violation for Subscription to "{shown}"')
            await self.says(b"SUB " + subject + b" 1\r\n", subscribe, **joe)
        group = error('Permissions Violation for Subscription to "b" using queue "q"')
        await self.says(b"SUB b q 1\r\n", group, **joe)
        await self.says(b"SUB a.> 1\r\nPUB a.b 0\r\n\r\n", b"MSG a.b 1 0\r\n\r\n", **joe)
        await self.says(
            b"PUB a.b $JS.ACK.x 0\r\n\r\n", error('Permissions Violation for Publish with Reply of "$JS.ACK.x"'), **joe
        )
        await self.says(
            b"PUB a.b _R_.x 0\r\n\r\n", error('Permissions Violation for Publish with Reply of "_R_.x"'), **joe
        )
        await self.says(b"PUB $NRG.x 0\r\n\r\n", error('Permissions Violation for Publish to "$NRG.x"'), **joe)

    async def test_info(self) -> None:
        await self.serve(token="t", max_payload=2_000, name="hamlet")
        bare = await self.bare()
        first = await bare.until(b"\r\n")
        bare.write(b'CONNECT {"auth_token":"t","protocol":1,"verbose":false}\r\nPING\r\n')
        assert await bare.until(b"\r\n") == b"PONG\r\n"
        second = await bare.until(b"\r\n")
        for line in (first, second):
            assert line.startswith(b"INFO {")
            assert line.endswith(b"} \r\n")
            info = json.loads(line[5:])
            assert (info["version"], info["go"], info["proto"], info["api_lvl"]) == ("2.15.1", "go1.27.2", 1, 5)
            assert (info["server_name"], info["max_payload"], info["auth_required"]) == ("hamlet", 2_000, True)
            assert (info["host"], info["client_ip"], info["headers"]) == ("127.0.0.1", "127.0.0.1", True)
            assert all(isinstance(info[name], int) for name in ("port", "client_id"))
        assert set(json.loads(second[5:])) - set(json.loads(first[5:])) == {"connect_info", "remote_account"}


def error(text: str) -> bytes:
    return f"-ERR '{text}'\r\n".encode()


globals().update(in_every_world(Transcripts))
