"""The database connection: opens SQLite, begins transactions, runs statements.

Statements are SQLAlchemy Core, compiled once and then run by the driver. Measured, a statement takes 75 µs through
SQLAlchemy's `Connection.execute` and 10 µs through the driver, and a decision takes a dozen of them.
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
    """A statement that is compiled once, without IN lists. `columns` are those an INSERT or UPDATE sets."""

    element: sa.Executable
    columns: tuple[str, ...] | None = None


class Compiled(NamedTuple):
    """A statement's text, the order of positional parameters (None if they are named), and its constant parameters."""

    text: str
    names: tuple[str, ...] | None
    constants: Mapping[str, Any]


def insert_into(table: sa.Table) -> Statement:
    """An INSERT of every column except the autoincremented one."""
    columns = tuple(c.name for c in table.c if not (c.primary_key and c.autoincrement is True))
    return Statement(sa.insert(table).inline(), columns)


class Connection:
    """One open transaction.

    After the database has failed once, every later statement of the transaction fails as well: SQLite may have rolled
    back by itself, and later statements would be committed without the earlier ones.
    """

    def __init__(self, database: Database, core: sa.Connection) -> None:
        self.core = core
        self._database = database
        self._cursor = core.connection.cursor()
        self._failure: StoreUnavailable | None = None

    def rows(self, statement: Statement, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        self._run(statement, values)
        return list(self._cursor.fetchall())

    def first(self, statement: Statement, **values: Any) -> tuple[Any, ...] | None:
        """The first row of a SELECT, or None."""
        rows = self.rows(statement, **values)
        return rows[0] if rows else None

    def change(self, statement: Statement, **values: Any) -> int:
        """Run an INSERT, UPDATE or DELETE; returns the number of rows changed."""
        self._run(statement, values)
        return int(self._cursor.rowcount)

    def insert_if_absent(self, statement: Statement, **values: Any) -> bool:
        """Run an INSERT; False when the row exists already."""
        try:
            return self.change(statement, **values) == 1
        except StoreUnavailable as error:
            if isinstance(error.__cause__, self._database.driver.IntegrityError):
                return False
            raise

    def touch(self) -> None:
        """Write something that changes nothing: the commit then shows whether the database can be written."""
        self._execute("UPDATE alembic_version SET version_num = version_num")

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
        """Raise the database's failure again, if there was one."""
        if self._failure is not None:
            raise self._failure

    def _run(self, statement: Statement, values: Mapping[str, Any]) -> None:
        text, names, constants = self._database.compiled(statement)
        parameters = {**constants, **values}
        self._execute(text, parameters if names is None else tuple([parameters[name] for name in names]))

    def _execute(self, text: str, values: Any = ()) -> None:
        self.check()
        try:
            self._cursor.execute(text, values)
        except self._database.driver.Error as error:
            unavailable = StoreUnavailable(failure_message(error))
            if not isinstance(error, self._database.driver.IntegrityError):
                self._failure = unavailable
            raise unavailable from error


class Database:
    """One database: begins transactions correctly on SQLite, and compiles each statement once."""

    def __init__(self, url: str, busy_seconds: float) -> None:
        self.engine = sa.create_engine(url)
        self._compiled: dict[Statement, Compiled] = {}
        self._busy_milliseconds = int(busy_seconds * 1000)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", self._configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The exceptions of a failing database, from SQLAlchemy or from the driver."""
        return (SQLAlchemyError, self.driver.Error)

    @property
    def driver(self) -> Any:
        """The DB-API module."""
        return self.engine.dialect.loaded_dbapi

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        url = self.engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def prepare_file(self) -> None:
        """Create the SQLite file, readable by its owner only, and its folder if needed.

        Raises StoreUnavailable when they cannot be created.
        """
        if self.file is None or self.file.exists():
            return
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreUnavailable(f"the database cannot be created: {error}") from error

    def compiled(self, statement: Statement) -> Compiled:
        """The statement in this database's dialect."""
        if statement not in self._compiled:
            sql = statement.element.compile(dialect=self.engine.dialect, column_keys=statement.columns)  # type: ignore[attr-defined]
            constants = {name: bound.value for name, bound in sql.binds.items() if not bound.required}
            names = tuple(sql.positiontup) if sql.positional else None
            self._compiled[statement] = Compiled(str(sql), names, constants)
        return self._compiled[statement]

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Connection]:
        """One transaction, committed at the end and rolled back when anything raises."""
        with self.engine.connect().execution_options(write=write) as core, core.begin():
            connection = Connection(self, core)
            yield connection
            connection.check()

    def _configure_sqlite(self, connection: Any, _: object) -> None:
        """Turn off the driver's own transactions, which begin late and deferred, and make commits durable.

        What SQLite sets aside stays in memory: a file for it would hold personal data outside the home.
        """
        connection.isolation_level = None
        for setting in (
            f"busy_timeout={self._busy_milliseconds}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at the beginning: a transaction that asks for it later fails without waiting."""
    writes = connection.get_execution_options().get("write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def failure_message(error: Exception) -> str:
    """What went wrong, in one line."""
    return f"the database failed: {str(error).splitlines()[0]}"
