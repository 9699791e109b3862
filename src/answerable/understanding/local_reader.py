"""Reads messages with the tenant's local model, off the event loop, one batch at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from answerable.definition.schema import ServiceDefinition
from answerable.understanding.model import Model
from answerable.understanding.understanding import Understanding

KEPT = 64  # models in memory, about 1 MB each


class LocalReader:
    """One model per definition, loaded when first needed or by `warm`.

    model_of: loads or trains the model of a definition; may take seconds.
    kept: so many stay in memory; the one used longest ago is let go first, and loaded again in a
    tenth of a second when it is needed.
    """

    def __init__(self, model_of: Callable[[ServiceDefinition], Model], *, kept: int = KEPT) -> None:
        self.kept = kept
        self._model_of = model_of
        self._models: OrderedDict[str, Model] = OrderedDict()
        # One thread: the model uses one core, and two batches at once gain nothing.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="understanding")

    async def warm(self, definition: ServiceDefinition) -> None:
        """Load the model, so that the first customer does not wait for it."""
        await asyncio.get_running_loop().run_in_executor(
            self._thread, self._understand, definition, ["hello"]
        )

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._understand, definition, texts
        )

    def _understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        model = self._models.pop(definition.hash, None) or self._model_of(definition)
        self._models[definition.hash] = model
        while len(self._models) > self.kept:
            self._models.popitem(last=False)
        return model.understand(texts, scope=definition.thresholds.scope)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
