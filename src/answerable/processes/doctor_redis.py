"""The doctor's look at Redis: whether it answers, and passes on what one process tells another.

Nothing of ours is stored in it, so any memory policy will do, with persistence or without.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.settings import PREFIX, Settings

KNOCK_SECONDS = 3.0
OLDEST_REDIS = (6, 2)
LOCAL = ("localhost", "127.0.0.1", "::1")
CHANNEL = "answerable:doctor"


def check_redis(settings: Settings) -> Iterator[Finding]:
    url = settings.get("REDIS")
    if url is None:
        return
    try:
        yield from _address(url)
        with Redis.from_url(
            url, socket_timeout=KNOCK_SECONDS, socket_connect_timeout=KNOCK_SECONDS, protocol=2
        ) as redis:
            redis.ping()
            yield _version(redis)
            yield _passes_on(redis)
    except (RedisError, OSError, ValueError) as error:
        # Never the error's own words: the address in them holds a password.
        told = f"no answer ({type(error).__name__})"
        mend = f"start it, or correct {PREFIX}REDIS; until then live screens look every second"
        yield problem("redis", told, mend)


def _address(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.hostname in LOCAL:
        return
    if parts.scheme != "rediss":
        told = "hints and agents' names cross the network unencrypted"
        yield warning("redis", told, f"use rediss:// in {PREFIX}REDIS")
    if parts.password is None:
        yield warning(
            "redis", "there is no password", f"give it one, and write it in {PREFIX}REDIS"
        )


def _version(redis: Redis) -> Finding:
    try:
        found = redis.info("server")
    except NoPermissionError:
        return ok("redis", "answers; this account may not ask for its version")
    version = str(found.get("redis_version", "of no known version"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        return problem("redis", f"version {version}", f"use {oldest} or newer")
    return ok("redis", f"version {version} answers; nothing is stored in it")


def _passes_on(redis: Redis) -> Finding:
    """Whether a message comes back to a subscriber."""
    word = str(time.monotonic_ns()).encode()
    try:
        line = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        with line:
            line.subscribe(CHANNEL)
            line.get_message(timeout=KNOCK_SECONDS)
            redis.publish(CHANNEL, word)
            until = time.monotonic() + KNOCK_SECONDS
            while time.monotonic() < until:
                message = line.get_message(timeout=KNOCK_SECONDS)
                if message is not None and message["data"] == word:
                    return ok("redis", "passes on what it is told")
    except NoPermissionError:
        mend = "permit this account PUBLISH and SUBSCRIBE on the channels answerable:*"
        return problem("redis", "this account may not publish or subscribe", mend)
    return problem("redis", "a message did not come back", "see whether it is overloaded")
