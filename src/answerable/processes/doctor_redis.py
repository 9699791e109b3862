"""The doctor's look at Redis: whether it answers, and passes on what one process tells another.

Nothing of ours is stored in it, so any memory policy will do, with persistence or without; unless a
definition keeps nothing: then it has the texts.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.settings import PREFIX, Settings

KNOCK_SECONDS = 3.0
OLDEST_REDIS = (6, 2)
LOCAL = ("localhost", "127.0.0.1", "::1")
CHANNEL = "answerable:doctor"
_UNWRITTEN = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
_WRITE_NOTHING = 'set save "", appendonly no and maxmemory-policy noeviction'
_SET_IT = f"set {PREFIX}REDIS"


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


def check_kept(settings: Settings) -> Iterator[Finding]:
    """Whether texts that are to be nowhere on disk are not written there, and not dropped early."""
    url = settings.get("REDIS")
    if url is None:
        if settings.database is not None:
            yield problem("redis", "several processes would have texts of their own", _SET_IT)
        return
    try:
        with Redis.from_url(
            url, socket_timeout=KNOCK_SECONDS, socket_connect_timeout=KNOCK_SECONDS, protocol=2
        ) as redis:
            told = {name: redis.config_get(name).get(name, "") for name in _UNWRITTEN}
    except ResponseError:  # not permitted, or not known there
        yield warning(
            "redis", "this account may not ask whether texts are written to disk", _WRITE_NOTHING
        )
        return
    except (RedisError, OSError, ValueError):
        return  # `check_redis` has said so
    wrong = [f"{name} {told[name]}" for name, good in _UNWRITTEN.items() if told[name] != good]
    if wrong:
        yield problem("redis", f"texts that are kept nowhere: {', '.join(wrong)}", _WRITE_NOTHING)
    else:
        yield ok("redis", "texts that are kept nowhere are on no disk, and stay for their time")


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
