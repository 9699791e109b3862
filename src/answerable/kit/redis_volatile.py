"""`Volatile` in Redis, for several processes: each group is a hash with a time limit.

Called within transactions, on the threads of the store, so it waits and is no coroutine. Only a
process with a Redis imports this module.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from answerable.kit.errors import StoreUnavailable
from answerable.kit.telemetry import get_logger

T = TypeVar("T")
log = get_logger("kit")

ANSWER_SECONDS = 2.0  # a transaction waits meanwhile
RETRY_AFTER = timedelta(seconds=2)


class RedisVolatile:
    """url: redis:// or rediss://. prefix: of its keys, the same for all processes of the
    installation and of no other. process: this one's id, which Redis' own tools show too."""

    def __init__(self, url: str, *, prefix: str, process: str) -> None:
        self.prefix = prefix
        self._redis: Redis = Redis.from_url(
            url,
            client_name=f"answerable-vault-{process}",
            retry=Retry(NoBackoff(), 1),  # a line that broke while it was idle is opened again
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )

    def put(self, group: str, values: Mapping[str, bytes], *, lasts: timedelta) -> None:
        key = self._key(group)
        items = [part for item in values.items() for part in item]

        def both(redis: Redis) -> None:
            with redis.pipeline(transaction=True) as line:
                if items:
                    line.hset(key, items=items)
                line.pexpire(key, lasts)
                line.execute()

        self._ask(both)

    def get(self, group: str, names: Sequence[str]) -> dict[str, bytes]:
        if not names:
            return {}
        found = self._ask(
            lambda redis: cast("list[bytes | None]", redis.hmget(self._key(group), list(names)))
        )
        return {name: value for name, value in zip(names, found, strict=True) if value is not None}

    def all_of(self, group: str) -> dict[str, bytes]:
        found = self._ask(lambda redis: cast("dict[bytes, bytes]", redis.hgetall(self._key(group))))
        return {name.decode(): value for name, value in found.items()}

    def remove(self, group: str, names: Sequence[str]) -> None:
        if names:
            self._ask(lambda redis: redis.hdel(self._key(group), *names))

    def close(self) -> None:
        with suppress(RedisError):
            self._redis.close()

    def _key(self, group: str) -> str:
        return f"{self.prefix}:{group}"

    def _ask(self, question: Callable[[Redis], T]) -> T:
        try:
            return question(self._redis)
        except RedisError as error:
            log.error("redis_vault_away", why=type(error).__name__)
            raise StoreUnavailable(
                "vault_unavailable",
                "The texts of this service cannot be kept or read just now: its Redis is away.",
                retry_after=RETRY_AFTER,
            ) from error
