"""Shadow mode: a new version reads the same messages beside the live one, and nobody acts on it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.definition.schema import ServiceDefinition
from answerable.kit.clock import Clock
from answerable.kit.telemetry import get_logger
from answerable.understanding.local_reader import LocalReader
from answerable.understanding.model import Model
from answerable.understanding.shadow_record import NAME, Reading, ShadowRecord
from answerable.understanding.understanding import Understanding

log = get_logger("understanding")

MOST_WAITING = 200  # messages; a burst is sampled rather than remembered
WRITE_EVERY = 50  # messages; also whenever nothing is left to read
REST = 3.0  # times as long as a message took; so the shadow has a quarter of the thread at most


@dataclass(frozen=True, kw_only=True)
class ShadowVersion:
    """name: of the version. folder: its own, where differences are kept, too."""

    name: str
    folder: Path
    load: Callable[[], Model]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    version: ShadowVersion
    scope: float
    conversation: str
    text: str
    live: Reading


class Shadow:
    """Reads after the live model, one message at a time, in the live model's own thread.

    It begins one only while no customer waits, and rests after each. So a customer waits at most
    for one message of the shadow's, and two models never compete for the interpreter.
    version_of: the definition's version in shadow, if it has one; at once. rest: see REST.
    """

    def __init__(
        self,
        reader: LocalReader,
        version_of: Callable[[ServiceDefinition], ShadowVersion | None],
        clock: Clock,
        *,
        rest: float = REST,
    ) -> None:
        self._rest = rest
        self._reader = reader
        self._version_of = version_of
        self._clock = clock
        self._waiting: deque[_Seen] = deque()
        self._left_out: dict[Path, int] = {}
        self._loaded: tuple[str, Model] | None = None
        self._failed: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def saw(
        self,
        definition: ServiceDefinition,
        conversations: Sequence[str],
        texts: Sequence[str],
        understood: Sequence[Understanding],
    ) -> None:
        """What the live model said. Returns at once and never raises: the shadow fails alone."""
        try:
            version = self._version_of(definition)
            if version is None or version.name in self._failed:
                return
            for conversation, text, live in zip(conversations, texts, understood, strict=True):
                if len(self._waiting) >= MOST_WAITING:
                    self._left_out[version.folder] = self._left_out.get(version.folder, 0) + 1
                    continue
                self._waiting.append(
                    _Seen(
                        version=version,
                        scope=definition.thresholds.scope,
                        conversation=conversation,
                        text=text,
                        live=Reading.of(live),
                    )
                )
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._read())
        except Exception:
            log.exception("shadow_failed")

    async def settle(self) -> None:
        """Until everything that was seen is read and written."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        records: dict[Path, ShadowRecord] = {}
        read = 0
        try:
            while self._waiting:
                seen = self._waiting.popleft()
                if seen.version.name not in self._failed:
                    await self._read_one(seen, records)
                    read += 1
                if read % WRITE_EVERY == 0:
                    await self._write(records)
        finally:
            await self._write(records)

    async def _read_one(self, seen: _Seen, records: dict[Path, ShadowRecord]) -> None:
        folder = seen.version.folder
        try:
            model = await self._model(seen.version)
            await self._reader.idle()
            began = time.perf_counter()
            (said,) = await self._reader.aside(
                lambda: model.understand([seen.text], scope=seen.scope)
            )
            await asyncio.sleep(self._rest * (time.perf_counter() - began))
        except Exception:  # whatever it is, the live model goes on without its shadow
            log.exception("shadow_failed", model=seen.version.name)
            self._failed.add(seen.version.name)
            return
        record = records.setdefault(folder, ShadowRecord(path=folder / NAME))
        record.add(seen.conversation, seen.live, Reading.of(said), self._clock.now())

    async def _model(self, version: ShadowVersion) -> Model:
        if self._loaded is None or self._loaded[0] != version.name:
            # Loading takes a tenth of a second, which customers need not wait for.
            self._loaded = (version.name, await asyncio.to_thread(version.load))
        return self._loaded[1]

    async def _write(self, records: dict[Path, ShadowRecord]) -> None:
        for folder, number in self._left_out.items():
            records.setdefault(folder, ShadowRecord(path=folder / NAME)).left_out += number
        self._left_out.clear()
        try:
            for record in records.values():
                await asyncio.to_thread(record.write)
        except OSError:
            log.exception("shadow_not_kept")
