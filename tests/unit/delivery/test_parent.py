"""An orphan of NiFi must not go on holding what the next NiFi needs."""

import os
import select
import signal
import subprocess
import sys

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
from processors.delivery.parent import end_with_parent
end_with_parent()
end_with_parent()
print("watching", flush=True)
time.sleep(600)
'''])
print(child.pid, flush=True)
child.wait()
"""


def test_a_process_ends_when_its_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    said = {parent.stdout.readline().strip() for _ in range(2)}
    child = os.pidfd_open(int(next(word for word in said if word.isdigit())))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([child], [], [], 60)
    os.close(child)
    assert ended
