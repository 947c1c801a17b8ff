"""A real worker whose engine dies, or fails, over instances that ask for it."""

import os
import signal

from processors.deid.engine import Engine
from processors.delivery import worker

treat = Engine.treat


def faulty(self: Engine, part10: bytes, *more: object) -> object:
    if b"CRASH^" in part10:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"RAISE^" in part10:
        message = "the patient is called Testperson"
        raise RuntimeError(message)
    return treat(self, part10, *more)  # type: ignore[arg-type]


Engine.treat = faulty

if __name__ == "__main__":
    worker.main()
