"""Start servers at the same time: each spends most of its start in its own process."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from nifi.progress import Report

Start = Callable[[Report], object]


def all_of(starts: Sequence[Start], report: Report) -> None:
    """Call each in a thread of its own and return once all have; then raise what the first failed one raised.

    What came up beside a failed one goes on running: each is a server of its own. An interrupt ends what is not up yet.
    """
    interrupted = threading.Event()

    def watchful(what: str, done: int = 0, total: int = 0) -> None:
        # Only the main thread hears of Ctrl-C; the others are told when they next report, which each does all the time.
        if interrupted.is_set():
            raise KeyboardInterrupt
        report(what, done, total)

    with ThreadPoolExecutor(max(len(starts), 1), thread_name_prefix="start") as pool:
        tasks = [pool.submit(start, watchful) for start in starts]
        try:
            wait(tasks)
        except BaseException:
            interrupted.set()
            raise
    for task in tasks:
        task.result()
