"""`sluice serve-model`."""

import socket
from pathlib import Path

import click

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command("serve-model")
@click.option("--model", "model_id", required=True, help="The model version, name:version.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Its checkpoint.")
@click.option("--sha256", required=True, help="The checkpoint's digest, as the handoff recorded it.")
@click.option("--spec", default="ct-body", show_default=True, help="The preparing spec that it was trained with.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="Whose research/ holds store and results, unless they are named.",
)
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder that batches are read from; default: the home's."
)
@click.option("--results", type=click.Path(path_type=Path), help="Folder of results; default: the home's.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8085, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="Bearer token that is asked for.")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(1, 64), help="Runs at one time.")
@click.option("--waiting", default=64, show_default=True, type=click.IntRange(0), help="Runs that may wait.")
@click.option("--run-seconds", default=86_400.0, show_default=True, type=float, help="Longest time of a run.")
def serve_model(
    *,
    model_id: str,
    file: Path,
    sha256: str,
    spec: str,
    home: Path,
    store: Path | None,
    results: Path | None,
    host: str,
    port: int,
    token_file: Path | None,
    runs: int,
    waiting: int,
    run_seconds: float,
) -> None:
    """Serve one registered model to infer handoffs, by the Open Inference Protocol v2, until SIGTERM.

    One JSON line on stdout tells host and port once requests are answered.
    """
    if host not in _LOOPBACK and token_file is None:
        raise click.UsageError("An address that other machines can reach needs --token-file.")
    token = _token(token_file) if token_file is not None else None
    from ml.serving.logs import configure_logs
    from ml.serving.roots import Roots
    from ml.serving.runs import Limits
    from ml.serving.served_model import load_served
    from ml.serving.server import Address, serve

    configure_logs()
    bound = _listen(host, port)
    research = home / "research"
    try:
        roots = Roots.of(store or research / "store", results or research / "results")
    except OSError as error:
        message = f"{error.filename} is not there."
        raise click.UsageError(message) from error
    served = load_served(model_id, file, sha256, spec)
    serve(served, roots, Limits(runs, waiting, run_seconds), Address(bound, token))


def _token(file: Path) -> str:
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError("The token file cannot be read.") from error
    if len(token) < 16:
        raise click.UsageError("The token file holds no token of 16 or more letters.")
    return token


def _listen(host: str, port: int) -> socket.socket:
    """Bind before the model is loaded: an address that is taken is said at once."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        message = f"{host}:{port} cannot be listened on ({error.strerror}). Choose another --port, or 0 for a free one."
        raise click.UsageError(message) from error
