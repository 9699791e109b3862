"""Reads messages with the tenant's local model, off the event loop, one batch at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from answerable.definition.schema import ServiceDefinition
from answerable.understanding.model import Model
from answerable.understanding.understanding import Understanding

T = TypeVar("T")

KEPT = 64  # models in memory; a small tenant's is mostly its spam head, 4 MB


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """name: of a version; empty: the definition's own model. load: may take seconds."""

    name: str
    load: Callable[[ServiceDefinition], Model]


class LocalReader:
    """One model per definition and version, loaded when first needed or by `warm`.

    live: which model reads a definition's messages now.
    kept: so many stay in memory; the one used longest ago is let go first, and loaded again in a
    tenth of a second when it is needed.
    """

    def __init__(
        self, live: Callable[[ServiceDefinition], Awaitable[LiveModel]], *, kept: int = KEPT
    ) -> None:
        self.kept = kept
        self._live = live
        self._models: OrderedDict[tuple[str, str], Model] = OrderedDict()
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        # One thread: the model uses one core, and two batches at once gain nothing.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="understanding")

    async def warm(self, definition: ServiceDefinition) -> None:
        """Load the model, so that the first customer does not wait for it."""
        await self.understand(definition, ["hello"])

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        live = await self._live(definition)
        self._under_way += 1
        self._is_idle.clear()
        try:
            return await self.aside(lambda: self._understand(live, definition, texts))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_idle.set()

    async def idle(self) -> None:
        """Until nobody waits for an understanding."""
        await self._is_idle.wait()

    async def aside(self, work: Callable[[], T]) -> T:
        """Do something in the thread in which texts are read, after what waits there already."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _understand(
        self, live: LiveModel, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        key = (definition.hash, live.name)
        model = self._models.pop(key, None) or live.load(definition)
        self._models[key] = model
        while len(self._models) > self.kept:
            self._models.popitem(last=False)
        thresholds = definition.thresholds
        return model.understand(texts, thresholds.precision, scope=thresholds.scope)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def always(
    model_of: Callable[[ServiceDefinition], Model],
) -> Callable[[ServiceDefinition], Awaitable[LiveModel]]:
    """Where there are no versions: each definition's own model."""

    async def live(definition: ServiceDefinition) -> LiveModel:
        return LiveModel(name="", load=model_of)

    return live
