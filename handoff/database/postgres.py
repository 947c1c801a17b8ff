"""PostgreSQL by pg8000: TLS and credentials, timeouts, and errors that say a code and never a value.

The URL takes libpq's words: `sslmode` (disable, prefer, require, verify-ca, verify-full), `sslrootcert`, `sslcert`,
`sslkey`, `host` (the folder of a unix socket) and `application_name`.
"""

import contextlib
import os
import socket
import ssl
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from handoff.errors import StartError

_CONNECT_SECONDS = 10.0
_SETTINGS = {"lock_timeout": "15s", "statement_timeout": "120s", "idle_in_transaction_session_timeout": "120s"}
"""Nothing may hold a row, or a thread of ours, for ever."""
_WORTH_A_REPEAT = ("08", "25P03", "40", "53", "55", "57", "58", "F0", "XX")
"""SQLSTATE classes of failures that are not the statement's fault: connection, conflict, resources, operator, disk."""
_CLASSES: dict[str, type[DBAPIError]] = {"22": DataError, "23": IntegrityError}
_CLOSED = ("57P01", "57P02", "57P03", "57P05", "25P03")
"""Codes after which the connection is of no use."""


class PostgresError(Exception):
    """What PostgreSQL or the way to it said: its code, and the constraint; never its text, which may hold values."""


def connect(url: URL, password: str | None) -> tuple[Engine, Engine]:
    """The engines of `handoff.database.dialect.connect`.

    Raises:
        StartError: the URL names another driver, or TLS files that cannot be read.
    """
    if url.drivername not in {"postgresql", "postgres", "postgresql+pg8000"}:
        raise StartError(
            "The database_url names another driver than pg8000.",
            code="database-url",
            remedy="Write postgresql://user@host/name.",
        )
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    arguments = _arguments(query, url)
    address = url.set(drivername="postgresql+pg8000", query=query)
    secret = password or os.environ.get("PGPASSWORD")
    if address.password is None and secret:
        address = address.set(password=secret)
    return _engine(address, arguments, "REPEATABLE READ"), _engine(address, arguments, "READ COMMITTED")


def _arguments(query: dict[str, str], url: URL) -> dict[str, Any]:
    """Take libpq's words from the query and say them as pg8000 does."""
    arguments: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "startup_params": dict(_SETTINGS)}
    arguments["application_name"] = query.pop("application_name", "sluice-handoff")
    folder = query.pop("host", None)
    if folder is not None:
        arguments["unix_sock"] = f"{folder}/.s.PGSQL.{url.port or 5432}"
    files = {name: query.pop(name, None) for name in ("sslrootcert", "sslcert", "sslkey")}
    mode = query.pop("sslmode", "disable" if folder else "prefer")
    try:
        arguments["ssl_context"] = _tls(mode, files)
    except (OSError, ValueError) as error:
        raise StartError(
            "The TLS parameters of the database_url cannot be used.",
            code="database-url",
            remedy="sslmode is disable, prefer, require, verify-ca or verify-full; the files must be readable.",
        ) from error
    return arguments


def _tls(mode: str, files: dict[str, str | None]) -> ssl.SSLContext | bool | None:
    """What pg8000 takes: False for no TLS, None for TLS if the server has it, else a context."""
    match mode:
        case "disable":
            return False
        case "allow" | "prefer":
            return None
        case "require" | "verify-ca" | "verify-full":
            context = ssl.create_default_context(cafile=files["sslrootcert"])
        case _:
            raise ValueError(mode)
    context.check_hostname = mode == "verify-full"
    if mode == "require" and files["sslrootcert"] is None:
        context.verify_mode = ssl.CERT_NONE
    if files["sslcert"] is not None:
        context.load_cert_chain(files["sslcert"], files["sslkey"])
    return context


def _engine(url: URL, arguments: dict[str, Any], isolation: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args=arguments,
        isolation_level=isolation,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=15,
        pool_recycle=1800,
    )
    # One statement for many rows: pg8000 has no other way than a round trip for each.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    engine.dialect.do_close = _close  # type: ignore[assignment,method-assign]
    event.listen(engine, "connect", _settle_socket)
    event.listen(engine, "handle_error", _translate, retval=True)
    return engine


def _settle_socket(connection: Any, _record: Any) -> None:
    """The timeout was for connecting; a server that vanished without a word is found by probes."""
    found: socket.socket | None = getattr(connection, "_usock", None)
    if found is None:
        return
    found.settimeout(None)
    with contextlib.suppress(OSError):  # a unix socket needs none
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 40_000)


def _close(connection: Any) -> None:
    """A connection whose server is gone cannot say goodbye, and SQLAlchemy would log that with all its frames."""
    with contextlib.suppress(Exception):
        connection.close()


def _translate(context: ExceptionContext) -> BaseException | None:
    """Give the error the class that its code means, and take out its text, which may hold values of a row.

    pg8000 has one class for nearly everything, and lost connections are none of its operational errors.
    """
    original = context.original_exception
    if not isinstance(original, Exception) or not type(original).__module__.startswith("pg8000"):
        return None
    said = original.args[0] if original.args else None
    original.__context__ = original.__cause__ = None  # they have the same text
    if not isinstance(said, dict):
        # The way to the server: its address is in the text, but nothing of a row and no password.
        context.is_disconnect = True
        fault = PostgresError("no-connection")
        return _chained(OperationalError(None, None, fault, hide_parameters=True), original)
    code = str(said.get("C", ""))
    fault = PostgresError(" ".join(filter(None, (code, said.get("t"), said.get("n")))))
    original.args = (str(fault),)
    if code in _CLOSED:
        context.is_disconnect = True
    kind = OperationalError if code.startswith(_WORTH_A_REPEAT) else _CLASSES.get(code[:2], ProgrammingError)
    if code.startswith("28") or code == "3D000":
        kind = OperationalError  # a wrong password or a database that is not there: mended outside
    return _chained(kind(None, None, fault, hide_parameters=True), original)


def _chained(error: DBAPIError, cause: BaseException) -> DBAPIError:
    error.__cause__ = cause
    return error
