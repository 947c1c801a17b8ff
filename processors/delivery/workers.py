"""A pool of worker processes that outlives NiFi's threads and never outlives NiFi.

NiFi ends Python with SIGKILL and lets idle threads go, so workers are tied to neither: each ends by itself at the end
of the pipe that this process holds. A worker that died is replaced; who asked for the work is told.
"""

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from processors.delivery.errors import WorkerDiedError, WorkerFailedError
from processors.delivery.workplace import Workplace

ANSWER_SECONDS: Final = 600.0
"""How long a worker may be silent over one instance before it counts as dead."""
_CHUNK: Final = 1 << 16
MODULE: Final = "processors.delivery.worker"

Json = dict[str, Any]


class Worker:
    """One worker process."""

    def __init__(self, log: Path, module: str = MODULE) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._process = subprocess.Popen(
                [sys.executable, *(["-S"] if sys.flags.no_site else []), "-P", "-m", module, str(write)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(write,),
                env=environment(),
            )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
            os.close(output)
        self._answers = os.fdopen(read, "rb", buffering=0)
        self._read = bytearray()

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def run(self, job: Json) -> Json:
        """Have one job done.

        Raises:
            WorkerDiedError: the process ended, or was silent for too long and was ended.
            WorkerFailedError: it said that it could not.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerDiedError from error
        answer: Json = json.loads(self._line())
        if "error" in answer:
            raise WorkerFailedError(answer["error"])
        return answer

    def _line(self) -> bytes:
        """The next line that says something; blank ones say that the worker is alive.

        Raises:
            WorkerDiedError: the process ended, or was silent for too long.
        """
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        while True:
            while (end := self._read.find(b"\n")) < 0:
                chunk = os.read(self._answers.fileno(), _CHUNK) if poll.poll(ANSWER_SECONDS * 1000) else b""
                if not chunk:
                    raise WorkerDiedError
                self._read += chunk
            line = bytes(self._read[:end])
            del self._read[: end + 1]
            if line:
                return line

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._answers.close()


def environment() -> dict[str, str]:
    """What a worker sees of this process's environment: nothing that NiFi keeps secret in it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**kept, "PYTHONPATH": path}


class Pool:
    """At most `size` workers; a caller waits while all are busy."""

    def __init__(self, size: int, log: Path, module: str = MODULE) -> None:
        self.size = size
        self._log = log
        self._module = module
        self._slots: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._alone = threading.Lock()
        for _ in range(size):
            self._slots.put(None)

    def run(self, job: Json) -> Json:
        """Have a job done by a worker that may have done others before; raises as `Worker.run`."""
        worker = self._slots.get()
        try:
            if worker is None or not worker.alive:
                worker = Worker(self._log, self._module)
            answer = worker.run(job)
        except WorkerFailedError:
            raise
        except BaseException:
            if worker is not None:
                worker.end()
            worker = None
            raise
        finally:
            self._slots.put(worker)
        return answer

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have no worker of this pool do anything else meanwhile."""
        with self._alone:
            held = [self._slots.get() for _ in range(self.size)]
            try:
                yield
            finally:
                for worker in held:
                    self._slots.put(worker)

    def run_fresh(self, job: Json) -> Json:
        """Have a job done by a new process that does nothing else; raises as `Worker.run`."""
        worker = Worker(self._log, self._module)
        try:
            return worker.run(job)
        finally:
            worker.end()

    def close(self) -> None:
        """End all workers once they are free."""
        with self._alone:
            held = [self._slots.get() for _ in range(self.size)]
            for worker in held:
                if worker is not None:
                    worker.end()
                self._slots.put(None)


_pools: dict[Path, Pool] = {}
_pools_lock = threading.Lock()


def pool_of(place: Workplace, size: int) -> Pool:
    """The pool of a trusted home, one a process; another size makes another pool."""
    with _pools_lock:
        pool = _pools.get(place.site.home)
        if pool is None or pool.size != size:
            if pool is not None:
                threading.Thread(target=pool.close, daemon=True).start()
            pool = _pools[place.site.home] = Pool(size, place.site.workers_log)
        return pool
