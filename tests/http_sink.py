"""A server that keeps every POST and answers as it is told to: `python -m tests.http_sink JOURNAL [ANSWERS...]`.

Each body is appended to the journal, with its headers and what was answered, before any answer leaves. The answers come
in turn, and the last one for ever: a status, or `lose` to cut the connection instead.
"""

import base64
import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


class HttpSink:
    """The server as a process of its own; what it was sent is read from its journal."""

    def __init__(self, folder: Path, *answers: str) -> None:
        self.journal = folder / "journal.jsonl"
        command = [sys.executable, "-m", "tests.http_sink", str(self.journal), *(answers or ("204",))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/hook"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def posts(self) -> list[dict[str, Any]]:
        """Body, headers, answer and time of each POST, in the order in which they came."""
        text = self.journal.read_text() if self.journal.exists() else ""
        posts = [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]  # the last may still be written
        return [{**post, "body": base64.b64decode(post["body"])} for post in posts]

    @property
    def taken(self) -> list[dict[str, Any]]:
        """Those that it took, whether or not its answer arrived."""
        return [post for post in self.posts if post["answer"] in {"204", "lose"}]


def main(journal: str, *answers: str) -> None:
    """Serve until killed."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = {"body": base64.b64encode(body).decode(), "headers": headers, "answer": answer, "at": time.time()}
            with Path(journal).open("a") as stream:
                stream.write(json.dumps(post) + "\n")
            if answer == "lose":
                self.close_connection = True
                return
            self.send_response(int(answer))
            if answer.startswith("3"):
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
