"""The database underneath: how SQLite is opened, how a transaction begins, how a statement is run.

Statements are SQLAlchemy Core, compiled once and then run at the driver: measured, a statement through
`Connection.execute` costs 75 µs and the same at the driver 10, and a decision takes a dozen of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from serving.errors import StoreUnavailable


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement that is compiled once; `columns` are those an INSERT or UPDATE sets. IN with lists is not for it."""

    element: sa.Executable
    columns: tuple[str, ...] | None = None


class Compiled(NamedTuple):
    """A statement's text, the order of its parameters where they are positional, and those that never change."""

    text: str
    names: tuple[str, ...] | None
    constants: Mapping[str, Any]


def inserting(table: sa.Table) -> Statement:
    """An INSERT of every column but the one the database counts itself."""
    columns = tuple(c.name for c in table.c if not (c.primary_key and c.autoincrement is True))
    return Statement(sa.insert(table).inline(), columns)


class Connection:
    """One open transaction. Once the database has failed in it, it fails for the rest of it: SQLite may have rolled
    back by itself, and what came after would stand alone."""

    def __init__(self, database: Database, core: sa.Connection) -> None:
        self.core = core
        self._database = database
        self._cursor = core.connection.cursor()
        self._failure: StoreUnavailable | None = None

    def rows(self, statement: Statement, **values: Any) -> list[tuple[Any, ...]]:
        """All rows a SELECT gives."""
        self._run(statement, values)
        return list(self._cursor.fetchall())

    def first(self, statement: Statement, **values: Any) -> tuple[Any, ...] | None:
        """The first row of a SELECT that gives one at most."""
        found = self.rows(statement, **values)
        return found[0] if found else None

    def change(self, statement: Statement, **values: Any) -> int:
        """Run an INSERT, UPDATE or DELETE; returns how many rows it touched."""
        self._run(statement, values)
        return int(self._cursor.rowcount)

    def add_unless_there(self, statement: Statement, **values: Any) -> bool:
        """Run an INSERT; False when the row is there already."""
        try:
            return self.change(statement, **values) == 1
        except StoreUnavailable as error:
            if isinstance(error.__cause__, self._database.driver.IntegrityError):
                return False
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is undone alone when it raises, unless the database itself failed."""
        self._execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._failure is None:
                self._execute("ROLLBACK TO SAVEPOINT part")
                self._execute("RELEASE SAVEPOINT part")
            raise
        self._execute("RELEASE SAVEPOINT part")

    def check(self) -> None:
        """Raise what the database failed with, if it did."""
        if self._failure is not None:
            raise self._failure

    def _run(self, statement: Statement, values: Mapping[str, Any]) -> None:
        text, names, constants = self._database.compiled(statement)
        given = {**constants, **values}
        self._execute(text, given if names is None else tuple([given[name] for name in names]))

    def _execute(self, text: str, values: Any = ()) -> None:
        self.check()
        try:
            self._cursor.execute(text, values)
        except self._database.driver.Error as error:
            unavailable = StoreUnavailable(said(error))
            if not isinstance(error, self._database.driver.IntegrityError):
                self._failure = unavailable
            raise unavailable from error


class Database:
    """An engine whose transactions begin as they should, and whose statements are compiled once."""

    def __init__(self, url: str, busy_seconds: float) -> None:
        self.engine = sa.create_engine(url)
        self._compiled: dict[Statement, Compiled] = {}
        self._busy_milliseconds = int(busy_seconds * 1000)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", self._configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What a database that fails raises, through SQLAlchemy or at the driver."""
        return (SQLAlchemyError, self.driver.Error)

    @property
    def driver(self) -> Any:
        """The DB-API module."""
        return self.engine.dialect.loaded_dbapi

    @property
    def file(self) -> Path | None:
        """Where an SQLite database lies."""
        url = self.engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def prepare_file(self) -> None:
        """Make the SQLite file readable by its owner only, and the folder if it is not there.

        Raises StoreUnavailable when that cannot be.
        """
        if self.file is None or self.file.exists():
            return
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreUnavailable(f"the database cannot be made: {error}") from error

    def compiled(self, statement: Statement) -> Compiled:
        """The statement in this database's dialect."""
        if statement not in self._compiled:
            made = statement.element.compile(dialect=self.engine.dialect, column_keys=statement.columns)  # type: ignore[attr-defined]
            constants = {name: bound.value for name, bound in made.binds.items() if not bound.required}
            names = tuple(made.positiontup) if made.positional else None
            self._compiled[statement] = Compiled(str(made), names, constants)
        return self._compiled[statement]

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Connection]:
        """One transaction, committed at the end and rolled back when anything raises."""
        with self.engine.connect().execution_options(write=write) as core, core.begin():
            connection = Connection(self, core)
            yield connection
            connection.check()

    def _configure_sqlite(self, connection: Any, _: object) -> None:
        """Leave transactions to us (Python's sqlite3 would begin them late and deferred), and make commits durable."""
        connection.isolation_level = None
        for setting in (
            f"busy_timeout={self._busy_milliseconds}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes its turn at once: one that only later wants to write fails without waiting."""
    writes = connection.get_execution_options().get("write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def said(error: Exception) -> str:
    """What the database says went wrong, in one line."""
    return f"the database failed: {str(error).splitlines()[0]}"
