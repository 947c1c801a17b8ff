"""DIMSE messages of one association, put together from fragments: commands here, data sets straight into a reception.

Messages do not overlap (one operation at a time, PS3.7 D.3.3.3: no asynchronous operations are ever agreed on). So at
any time there is at most one command that is not whole, or one data set.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from processors.dicom.engine import AssociationListener, Reception, StoreCommand
from processors.dicom.fast.answers import UNRECOGNIZED_OPERATION
from processors.dicom.fast.command import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    MAXIMUM_COMMAND_BYTES,
    N_OPERATIONS,
    RESPONSE,
    Command,
    parse_command,
)
from processors.dicom.fast.errors import ProtocolError
from processors.dicom.fast.gathering import Gathering
from processors.dicom.fast.pdu import UNEXPECTED_PDU
from processors.dicom.services import ServiceAnswer
from processors.dicom.status import SUCCESS

_MOST_PIECES: Final = 256
"""Pieces that are written by one call: a buffer full of tiny fragments must not become as many objects."""

Answer = Callable[[Command, int, int], None]


class Messages:
    """Takes the fragments of one association and has each request answered once."""

    def __init__(self, transfer_syntaxes: Mapping[int, str], listener: AssociationListener, answer: Answer) -> None:
        """Begin.

        Args:
            transfer_syntaxes: Of each accepted presentation context, by its id.
            listener: Is told of each C-STORE, and asked for the answer to each request of a service.
            answer: Sends a response: to which command, with which status, over which context.
        """
        self._transfer_syntaxes = transfer_syntaxes
        self._listener = listener
        self._answer = answer
        self._context_id = 0
        self._encoded = bytearray()
        self._command: Command | None = None
        self._reception: Reception | Gathering | None = None
        self._pieces: list[memoryview] = []
        self._inside_command = False

    @property
    def between(self) -> bool:
        """Whether no message is on its way."""
        return self._command is None and not self._inside_command

    def begin_fragment(self, context_id: int, *, is_command: bool) -> None:
        """A fragment begins: of a new message's command, or of what has begun before, in the same context."""
        if context_id not in self._transfer_syntaxes:
            raise ProtocolError("A presentation data value names a context that was not accepted.")
        if not self.between and context_id != self._context_id:
            raise ProtocolError("A message changes its presentation context.")
        if is_command == (self._command is not None):
            raise ProtocolError("A command comes within a data set, or a data set without a command.", UNEXPECTED_PDU)
        self._context_id = context_id
        self._inside_command = is_command

    def take(self, piece: memoryview) -> None:
        """Bytes of the fragment."""
        if self._inside_command:
            if len(self._encoded) + len(piece) > MAXIMUM_COMMAND_BYTES:
                raise ProtocolError("A command set is longer than any is.")
            self._encoded += piece
        elif self._reception is not None:
            self._pieces.append(piece)
            if len(self._pieces) >= _MOST_PIECES:
                self.flush()

    def end_fragment(self, *, is_last: bool) -> None:
        """The fragment is whole, and with `is_last` the command or the data set."""
        if not is_last:
            return
        if self._command is None:
            self._inside_command = False
            encoded, self._encoded = self._encoded, bytearray()
            self._begin(parse_command(encoded))
        else:
            self._finish(self._command)

    def flush(self) -> None:
        """Hand over all pieces; afterwards no view of the buffer is needed any more."""
        if self._pieces and self._reception is not None:
            self._reception.write(*self._pieces)
        self._pieces.clear()

    def abandon(self) -> None:
        """No more will come: what is not whole is nothing."""
        self._pieces.clear()
        reception, self._reception = self._reception, None
        if reception is not None:
            reception.abandon()

    def _begin(self, command: Command) -> None:
        if command.field == C_CANCEL_RQ:
            return  # there is never anything to cancel, and it has no response (PS3.7 9.3.2.3)
        if command.field & RESPONSE:
            raise ProtocolError("A response comes, and nothing was asked.", UNEXPECTED_PDU)
        if command.field == C_STORE_RQ:
            self._reception = self._listener.begin(
                StoreCommand(
                    sop_class_uid=command.sop_class_uid,
                    sop_instance_uid=command.sop_instance_uid,
                    transfer_syntax_uid=self._transfer_syntaxes[self._context_id],
                )
            )
        elif command.field in N_OPERATIONS:
            syntax = self._transfer_syntaxes[self._context_id]
            self._reception = Gathering(command, syntax, self._listener)
        if command.has_data_set:
            self._command = command
        else:
            self._finish(command)

    def _finish(self, command: Command) -> None:
        if self._reception is not None:
            self.flush()
            reception, self._reception = self._reception, None
            answer = reception.finish()
            if isinstance(answer, ServiceAnswer):
                status = answer.status
                command = replace(command, sop_instance_uid=answer.sop_instance_uid or command.sop_instance_uid)
            else:
                status = answer
        else:
            status = SUCCESS if command.field == C_ECHO_RQ else UNRECOGNIZED_OPERATION
        self._command = None
        self._answer(command, status, self._context_id)
