"""`sluice pipelines`."""

import hashlib
from pathlib import Path

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.identifiers import short
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.pipelines import TEMPLATE
from handoff.pipelines.contract import CONTRACT_INPUTS, MODEL_INPUT
from handoff.schemas.pipelines import PipelineInput, PipelineView

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_COLUMNS: tuple[Column[PipelineView], ...] = (
    Column("pipeline", lambda pipeline: pipeline.name),
    Column("version", lambda pipeline: short(pipeline.version)),
    Column("parameters", lambda pipeline: _parameters(pipeline.inputs)),
    Column("infers", lambda pipeline: MODEL_INPUT in pipeline.inputs),
    Column("local too", lambda pipeline: pipeline.local_too),
    Column("registered by", lambda pipeline: pipeline.registered_by),
)


class UnreadablePipelineError(Exception):
    """The pipeline's file is no text."""

    remedy = "Give the YAML that `python pipeline.py` compiled."
    exit_code = 2


@click.group()
def pipelines() -> None:
    """Begin, check and register the pipelines that handoffs run.

    A pipeline is a compiled KFP pipeline with the inputs batch_uri, handoff_key and result_uri, whose last step writes
    result.json. `sluice pipelines new FILE` gives you one to begin with.
    """


@pipelines.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def new(file: Path) -> None:
    """Write a small pipeline to FILE, to begin with."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(TEMPLATE.read_text("utf-8"))
    except OSError as error:
        message = f"{file} cannot be written ({error.strerror})."
        raise click.UsageError(message) from error
    click.echo(f"Wrote {file}. Compile it by `python {file} {file.with_suffix('.yaml')}`.")


@pipelines.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Say whether FILE keeps the contract.

    FILE is a compiled pipeline. Nobody is asked and nothing changes.
    """
    from handoff.pipelines.compiled import read_inputs

    inputs = read_inputs(_text(file))
    for name, facts in inputs.items():
        ours = "set by the handoff" if name in (*CONTRACT_INPUTS, MODEL_INPUT) else _need(facts)
        click.echo(f"{name}: {facts.type.lower()}, {ours}")
    click.echo("It keeps the contract.")


@pipelines.command()
@click.argument("file", type=_FILE)
@click.option("--name", help="What handoffs call it; default: the file's name.")
@click.option("--code", type=click.Path(path_type=Path, exists=True), help="File or folder of what its steps import.")
@click.option("--code-digest", metavar="SHA256", help="The digest of that code, where it is not at hand.")
@asking
def register(asking: Asking, file: Path, name: str | None, code: Path | None, code_digest: str | None) -> None:
    """Register the compiled pipeline FILE.

    The same content again is the same version.

    Its version is the digest of the YAML and of the code that its steps import. A pipeline whose steps import nothing
    of yours needs no --code.
    """
    if code is not None and code_digest is not None:
        raise click.UsageError("Of --code and --code-digest give one.")
    text = _text(file)
    digest = code_digest or (_digest(code) if code else hashlib.sha256(text.encode()).hexdigest())
    with asking.client() as client:
        pipeline = client.register_pipeline(name or file.stem, text, digest)
    _say(pipeline, as_json=asking.as_json)


@pipelines.command("list")
@click.option("--name", help="The versions of this pipeline alone.")
@LIMIT
@asking
def list_(asking: Asking, name: str | None, most: int | None) -> None:
    """List versions, the last one first.

    The one that was registered last is used when a handoff says only the name.
    """
    with asking.client() as client:
        none = "No pipeline was registered yet: `sluice pipelines register FILE`."
        say_list(client.pipelines(name), _COLUMNS, as_json=asking.as_json, most=most, none=none)


@pipelines.command()
@click.argument("pipeline")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the YAML as it was registered.")
@asking
def show(*, asking: Asking, pipeline: str, as_yaml: bool) -> None:
    """Show the newest version of PIPELINE.

    Or the version of this digest.
    """
    with asking.client() as client:
        found = client.pipeline(pipeline)
        if as_yaml:
            click.echo(client.pipeline_yaml(found.version), nl=False)
            return
    _say(found, as_json=asking.as_json)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} is no text that can be read."
        raise UnreadablePipelineError(message) from error


def _digest(code: Path) -> str:
    """SHA-256 over the relative paths and contents of a folder's Python files, or of one file, hex."""
    files = sorted(code.rglob("*.py")) if code.is_dir() else [code]
    digest = hashlib.sha256(b"sluice.code/1\n")
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(code).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _need(facts: PipelineInput) -> str:
    if not facts.optional:
        return "must be given"
    return "may be given" if facts.default is None else f"default {facts.default!r}"


def _parameters(inputs: dict[str, PipelineInput]) -> tuple[str, ...]:
    """What a handoff may set, with a star where it must."""
    free = {name: facts for name, facts in inputs.items() if name not in (*CONTRACT_INPUTS, MODEL_INPUT)}
    return tuple(f"{name}{'' if facts.optional else '*'}" for name, facts in free.items())


def _say(pipeline: PipelineView, *, as_json: bool) -> None:
    facts = [
        ("pipeline", pipeline.name),
        ("version", pipeline.version),
        ("YAML", pipeline.yaml_digest),
        ("code", pipeline.code_digest),
        ("runs locally too", pipeline.local_too),
        ("registered by", pipeline.registered_by),
    ]
    given = _parameters(pipeline.inputs)
    facts += [(name, _need(pipeline.inputs[name])) for name in (each.rstrip("*") for each in given)]
    say_one(pipeline, facts, as_json=as_json)
