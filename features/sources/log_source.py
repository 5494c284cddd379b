"""What a log source is: how its raw records are found, recognised and turned into Events.

A vendor's folder defines one `LogSource`; `registry.py` lists them all. Reading files, wrappers, duplicates, counting
and the generic reading of unknown action names happen once, in `file_import.py`, for every source alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.event.schema import Event, IdentityType
from features.sources.formats.records import JSON, Record, RecordForm

RecordParser = Callable[[Record], Event]
"""Turns one raw record into an Event. Raises NotAnEvent or NobodyKnown (`formats/records.py`), or ValueError with a
sentence that says why the record cannot be read."""


@dataclass(frozen=True)
class LogSource:
    """One log source.

    `parse` sets `action.category` from the vendor's own table and leaves it None for names that the table does not
    know: the words of the name are read then, and the event is counted as read that way. It sets `action.outcome`
    wherever the log holds only what has happened.
    """

    name: str
    """As written on the command line and in `POST /events?source=`, such as `cloudtrail`."""
    title: str
    """As the vendor calls it, such as `AWS CloudTrail`."""
    parse: RecordParser
    recognises: Callable[[Record], bool]
    """Whether a record looks like one of this source, to name the right source when a file of another is given."""
    identity_type: Callable[[Record], IdentityType | None] = lambda _: None
    """The identity type by the rules that `parse` follows; None where no rule applies and `parse` assumes a type."""
    form: RecordForm = JSON
    """How its records lie in a file."""
    statement: Callable[[Record], str | None] = lambda _: None
    """The statement or command line that a record's action carries out, where the log has it. It is read like a name,
    never kept, and counts where it does more harm than the action by its name."""
    general_categories: bool = False
    """Whether `parse` knows no more than create, read, update and delete, so that the words of a name may say more."""
