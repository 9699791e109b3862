"""Customers in a chat who do what the protocol asks: resend what was not acknowledged, resume."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

PACE = 0.21  # seconds between messages: just under what one connection may send
WINDOW = 4  # messages sent and not yet acknowledged
FOR_NOW = ("too_many_messages", "busy", "out_of_turn", "store_unavailable")
SILENCE = 3.0  # seconds without a frame after which the line counts as dead
PING_EVERY = 1.0  # seconds at most between two frames that are answered: silence is then the line's
BACKOFF = (0.02, 0.15)  # seconds before coming back; twice as long after each time in vain
LONGEST_BACKOFF = 6.0
WELCOME_WITHIN = 10.0  # seconds, as on a page: whoever gives up sooner begins anew with all others
GONE = (OSError, WebSocketException, TimeoutError, EOFError)


async def open_session(http: str, key: str, *, token: str | None = None) -> str:
    """A customer's session; tried until the service answers."""
    body = {"key": key} | ({"token": token} if token else {})
    async with httpx.AsyncClient(base_url=http, timeout=10) as client:
        while True:
            try:
                answer = await client.post("/v1/customer/sessions", json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            assert answer.status_code == 201, answer.text
            session: str = answer.json()["session"]
            return session


@dataclass
class Talker:
    """One customer with numbered messages. url: asked anew at each connection.

    silence: seconds without a frame after which they give a connection up by themselves.
    acknowledged: client id -> seq, in the order of the acknowledgements. waits: client id ->
    seconds from the first time it was sent until then. shown: every event frame since the last
    resync. trouble: what should never happen. closed: codes the server closed with.
    """

    name: str
    url: Callable[[], str]
    session: str
    texts: list[str]
    pace: float = PACE
    silence: float = SILENCE
    acknowledged: dict[str, int] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    connections: int = 0
    is_welcome: bool = False
    resyncs: int = 0
    waits: dict[str, float] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)
    _on_the_way: set[str] = field(default_factory=set)
    _sent_at: dict[str, float] = field(default_factory=dict)
    _in_vain: int = 0  # connections since the last welcome

    def __post_init__(self) -> None:
        self._ids = [str(uuid.uuid4()) for _ in self.texts]

    @property
    def ids(self) -> list[str]:
        """Of the messages, in the order in which they were said."""
        return self._ids

    @property
    def last_seen(self) -> int:
        return int(self.shown[-1]["seq"]) if self.shown else 0

    @property
    def is_done(self) -> bool:
        said = {frame["event"].get("client_id") for frame in self.shown}
        return len(self.acknowledged) == len(self.texts) and said >= set(self._ids)

    async def talk(self) -> None:
        """Until everything was acknowledged and shown, over as many connections as it takes."""
        while not self.is_done:
            await self.connect_once()

    async def connect_once(self) -> None:
        try:
            async with connect(
                self.url(),
                ping_interval=None,
                open_timeout=WELCOME_WITHIN,
                close_timeout=0.2,
                compression=None,
            ) as line:
                self.connections += 1
                self._in_vain += 1
                try:
                    await self._converse(line)
                finally:
                    self.is_welcome = False
                    if line.close_code is not None and not self.is_done:
                        self.closed.append(line.close_code)
        except GONE:
            await asyncio.sleep(self._backoff())

    def _backoff(self) -> float:
        """As the protocol asks: who comes back at once to a server that is slow makes it slower."""
        return min(random.uniform(*BACKOFF) * 2.0**self._in_vain, LONGEST_BACKOFF)

    async def reads_everything(self) -> list[dict[str, Any]]:
        """All events of the conversation, from the first, over a connection of its own."""
        async with connect(self.url(), ping_interval=None, compression=None) as line:
            await _hello(line, self.session, 0)
            events: list[dict[str, Any]] = []
            last = None
            while last is None or (events[-1]["seq"] if events else 0) < last:
                async with asyncio.timeout(20):
                    frame = json.loads(await line.recv())
                if frame["type"] == "welcome":
                    last = frame["seq"]
                elif frame["type"] == "event":
                    events.append(frame)
            return events

    async def _converse(self, line: ClientConnection) -> None:
        self._on_the_way.clear()
        await _hello(line, self.session, self.last_seen)
        sender: asyncio.Task[None] | None = None
        try:
            while not self.is_done:
                patience = self.silence if self.is_welcome else max(self.silence, WELCOME_WITHIN)
                async with asyncio.timeout(patience):
                    frame = json.loads(await line.recv())
                if frame["type"] == "welcome":
                    self.is_welcome, self._in_vain = True, 0
                    sender = sender or asyncio.create_task(self._say(line))
                await self._take(line, frame)
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)

    async def _take(self, line: ClientConnection, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ack":
                self._acknowledge(frame)
            case "event":
                if frame["previous"] != self.last_seen:
                    self.trouble.append(f"after {self.last_seen} came {frame}")
                self.shown.append(frame)
            case "resync":
                self.resyncs += 1
                self.shown.clear()
                await _hello(line, self.session, 0)
            case "error" if frame["code"] in FOR_NOW:
                self._on_the_way.discard(frame["client_id"])
            case "error":
                self.trouble.append(str(frame))

    def _acknowledge(self, frame: dict[str, Any]) -> None:
        told = self.acknowledged.setdefault(frame["client_id"], frame["seq"])
        if told != frame["seq"]:
            self.trouble.append(f"acknowledged as {told} and as {frame['seq']}")
        self._on_the_way.discard(frame["client_id"])
        sent_at = self._sent_at.pop(frame["client_id"], None)
        if sent_at is not None:
            self.waits[frame["client_id"]] = time.monotonic() - sent_at

    async def _say(self, line: ClientConnection) -> None:
        """What is not acknowledged, in order; with a ping when there is nothing to say."""
        while True:
            due = next((i for i in self._ids if self._may_send(i)), None)
            if due is None or len(self._on_the_way) >= WINDOW:
                await line.send(json.dumps({"type": "ping", "n": 1}))
            else:
                self._on_the_way.add(due)
                self._sent_at.setdefault(due, time.monotonic())
                text = self.texts[self._ids.index(due)]
                await line.send(json.dumps({"type": "message", "client_id": due, "text": text}))
            await self._pause(line)

    async def _pause(self, line: ClientConnection) -> None:
        """Until it is time to say something, as long as that takes; the line is kept alive."""
        end = time.monotonic() + self.pace * random.uniform(0.97, 1.1)
        while end - time.monotonic() > PING_EVERY:
            await asyncio.sleep(PING_EVERY)
            await line.send(json.dumps({"type": "ping", "n": 1}))
        await asyncio.sleep(max(0.0, end - time.monotonic()))

    def _may_send(self, client_id: str) -> bool:
        return client_id not in self.acknowledged and client_id not in self._on_the_way


async def _hello(line: ClientConnection, session: str, after: int) -> None:
    await line.send(json.dumps({"type": "hello", "session": session, "after": after}))


@dataclass
class Findings:
    """lost, doubled, reordered: messages. wrong: these and all else that is, in words."""

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    wrong: list[str] = field(default_factory=list)


def findings(talker: Talker, everything: list[dict[str, Any]]) -> Findings:
    """What is wrong between what a customer said, what was acknowledged and what is kept."""
    found = Findings(wrong=[f"{talker.name}: {one}" for one in talker.trouble])
    wrong = found.wrong
    own = [frame for frame in everything if frame["event"].get("author") == "contact"]
    kept = [frame["event"]["client_id"] for frame in own]
    if len(kept) != len(set(kept)):
        found.doubled = len(kept) - len(set(kept))
        wrong.append(f"{talker.name}: a message is kept twice")
    lost = [i for i, seq in talker.acknowledged.items() if (i, seq) not in _places(own)]
    if lost:
        found.lost = len(lost)
        wrong.append(f"{talker.name}: {len(lost)} acknowledged messages are lost")
    if kept != talker.ids[: len(kept)]:
        found.reordered = sum(a != b for a, b in zip(kept, talker.ids, strict=False))
        wrong.append(f"{talker.name}: the order is not the one in which it was said")
    for client_id, frame in zip(kept, own, strict=True):
        if frame["event"]["text"] != talker.texts[talker.ids.index(client_id)]:
            wrong.append(f"{talker.name}: the text of {client_id} is another")
    shown = [frame["seq"] for frame in talker.shown]
    known = [frame["seq"] for frame in everything if frame["seq"] <= talker.last_seen]
    if shown != known:
        wrong.append(f"{talker.name}: shown {len(shown)} events, kept {len(known)}")
    return found


def _places(frames: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {(frame["event"]["client_id"], frame["seq"]) for frame in frames}
