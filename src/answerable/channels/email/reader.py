"""Reads mail in child processes that may be killed, so that no mail can stop the next one."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from answerable.channels.email.parsed_mail import MailLimits, ParsedMail, ReaderLimits
from answerable.channels.email.reader_worker import HEADER, SIZE

_WORKER = "answerable.channels.email.reader_worker"
_ANSWER_MOST = 64 * 2**20  # of the JSON; a worker that says more is out of its mind


@dataclass(frozen=True, kw_only=True)
class Unparsable:
    """A mail that no worker could read. reason: a stable word."""

    reason: str
    masked: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """A mail that was read.

    reply_text: the new part of its text.
    masked: the mail without card numbers, None if it had none. `mail` was read from it, so the
    digests of attachments are those of what is to be stored.
    """

    mail: ParsedMail
    reply_text: str
    masked: bytes | None = None


class _Answer(BaseModel):
    """What comes out of a worker is checked like what comes from outside."""

    model_config = ConfigDict(extra="forbid")

    mail: ParsedMail | None = None
    reply_text: str = ""
    unreadable: str | None = None


class _WorkerDied(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Worker:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.read = 0

    @classmethod
    async def start(cls, limits: ReaderLimits) -> "_Worker":
        """A new process, without our settings: they hold secrets, and it reads hostile mail."""
        cpu = max(1, int(limits.cpu.total_seconds()))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # no module from wherever we were started
            "-m",
            _WORKER,
            str(cpu),
            str(limits.memory_bytes),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("ANSWERABLE_")},
            limit=2**20,
        )
        return cls(process)

    async def ask(self, raw: bytes) -> tuple[bytes, bytes]:
        source, target = self.process.stdout, self.process.stdin
        if source is None or target is None:
            raise _WorkerDied("no-pipes")
        self.read += 1
        try:
            target.write(SIZE.pack(len(raw)))
            target.write(raw)
            await target.drain()
            size, masked_size = HEADER.unpack(await source.readexactly(HEADER.size))
            if size > _ANSWER_MOST or masked_size > 2 * len(raw) + 2**20:
                raise _WorkerDied("worker-out-of-bounds")
            return await source.readexactly(size), await source.readexactly(masked_size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            code = await self.process.wait()
            # SIGXCPU is 24; a MemoryError where Python cannot catch it ends with code 1.
            raise _WorkerDied("cpu-limit" if code == -24 else "reader-died") from error

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        # the pipes' transports are closed by the loop only after the process was waited for
        transport = getattr(self.process, "_transport", None)
        if transport is not None:
            transport.close()


class MailReader:
    """A few long-lived workers; `read` never raises because of a mail."""

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: ReaderLimits | None = None,
        size_most: int = MailLimits().size_bytes,
    ) -> None:
        self._limits = limits or ReaderLimits()
        self._size_most = size_most
        self._idle: list[_Worker] = []
        self._free = asyncio.Semaphore(workers)

    async def read(self, raw: bytes) -> Read | Unparsable:
        """What the mail says, or why nobody can tell, within the limits for one mail."""
        if len(raw) > self._size_most:
            return Unparsable(reason="too-large")
        async with self._free:
            worker = self._idle.pop() if self._idle else await _Worker.start(self._limits)
            try:
                wall = self._limits.wall.total_seconds()
                answer, masked = await asyncio.wait_for(worker.ask(raw), wall)
            except _WorkerDied as error:
                await worker.stop()
                return Unparsable(reason=error.reason)
            except TimeoutError:
                await worker.stop()
                return Unparsable(reason="time-limit")
            except BaseException:
                await worker.stop()
                raise
            if worker.read >= self._limits.mails_per_worker:
                await worker.stop()
            else:
                self._idle.append(worker)
        return _judged(answer, masked or None)

    async def close(self) -> None:
        workers, self._idle = self._idle, []
        for worker in workers:
            await worker.stop()


def _judged(answer: bytes, masked: bytes | None) -> Read | Unparsable:
    try:
        told = _Answer.model_validate_json(answer)
    except ValidationError:
        return Unparsable(reason="reader-answer-invalid", masked=masked)
    if told.mail is None:
        return Unparsable(reason=told.unreadable or "reader-answer-empty", masked=masked)
    return Read(mail=told.mail, reply_text=told.reply_text, masked=masked)
