"""Answers one SQL query of a stranger, in a process of its own that can read one store and nothing else.

`dashboard/sandbox.py` starts this file and ends it when its time is up. It reads a JSON object from its standard input
(`snapshot`, `sql`, `rows`, `bytes`) and writes another: `problem`, `details` and `message`, or `names` and `kinds` of
the columns, `rows`, and whether there are `more`. It imports DuckDB and nothing larger, so that it starts quickly.

What a query may do is limited four times: the store is opened read-only; DuckDB may neither reach outside of it nor
change a setting; only one statement that reads is let through, and no function that tells about the server; and the
operating system holds the whole process to the limits below.
"""

import json
import os
import re
import sys
from pathlib import PurePath
from typing import Any

import duckdb

MEMORY = 512  # megabytes for DuckDB; what does not fit is refused, never written to a disk
ADDRESS_SPACE = 2 << 30  # bytes for the process, DuckDB's code included
PROCESSOR_SECONDS = 20  # a last resort, should the process that started this one be gone
OPEN_FILES = 64

# Column types that arrive as they are; other numbers become DOUBLE, and everything else its text.
PLAIN = re.compile(r"BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|VARCHAR")
WIDE_NUMBER = re.compile(r"DECIMAL\(.*\)|U?HUGEINT")

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}  # MULTI is PIVOT
# Table functions and views of DuckDB's own that tell of the store alone. All its others may tell of the server, or run
# a text as SQL, which no look at the query could see through.
HARMLESS = {
    *("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary"),
    *("histogram", "histogram_values", "pragma_table_info", "pragma_show"),
    *("duckdb_tables", "duckdb_columns", "duckdb_views", "duckdb_types", "duckdb_functions", "duckdb_constraints"),
    *("tables", "columns", "views", "schemata", "table_constraints", "key_column_usage", "referential_constraints"),
    *("constraint_column_usage", "constraint_table_usage", "check_constraints", "character_sets"),
}
TELLING = {"current_setting", "write_log"}  # scalar functions that tell of the server, or write

# What DuckDB says of these mistakes helps to mend the query, and names nothing but what the query names.
MISTAKES = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.SyntaxException,
    duckdb.TypeMismatchException,
    duckdb.InvalidTypeException,
)
LONGEST_MESSAGE = 600  # characters
OUTSIDE = "outside"


class RefusedError(Exception):
    """The query is not run, or its answer is not given: `problem` says why, in a word."""

    def __init__(self, problem: str, **details: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.details = details


def limit_process() -> None:
    """Holds this process to its share, and lets the dashboard go first; only where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_AS: ADDRESS_SPACE,
        resource.RLIMIT_CPU: PROCESSOR_SECONDS,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):  # macOS has no limit on the address space
            continue
    os.nice(10)


def open_store(snapshot: str) -> duckdb.DuckDBPyConnection:
    """The store, with everything closed that leads out of it."""
    settings: dict[str, Any] = {
        "threads": 1,
        "memory_limit": f"{MEMORY}MB",
        "temp_directory": "",
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
    connection = duckdb.connect(snapshot, read_only=True, config=settings)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def only_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The query without what stands around it.

    Raises:
        RefusedError: it is anything but one statement that reads the store and asks nothing about the server.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise RefusedError("one_statement", count=len(statements))
    if statements[0].type not in READING:
        raise RefusedError("reads_only")
    words = set(re.findall(r"\w+", sql.lower()))
    found = sorted(words & telling_names(connection))
    if found:
        raise RefusedError("server", name=found[0])
    return _without_end(sql)


def _without_end(sql: str) -> str:
    """The statement without a semicolon and comments after it."""
    text = sql.encode()
    end = len(text)
    for start, kind in reversed(duckdb.tokenize(sql)):
        if kind != duckdb.token_type.comment and text[start : start + 1] != b";":
            break
        end = start
    return text[:end].decode()


def telling_names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of DuckDB's own that a query may not mention. They come from DuckDB itself, so that one which a later
    version brings is refused too."""
    rows = connection.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro') AND internal "
        "UNION SELECT view_name FROM duckdb_views() WHERE internal"
    ).fetchall()
    return ({name.lower() for (name,) in rows} - HARMLESS) | TELLING


def answer(connection: duckdb.DuckDBPyConnection, sql: str, most: int, most_bytes: int) -> dict[str, object]:
    """The first `most` rows.

    Raises:
        RefusedError: they take more than `most_bytes`.
    """
    relation: Any = connection.sql(sql)
    names = _distinct(relation.columns)
    kinds = [_kind(str(kind)) for kind in relation.types]
    columns = [f"#{position}::{kind}" for position, kind in enumerate(kinds, 1)]
    rows = relation.project(", ".join(columns)).limit(most + 1).fetchall()
    size = 0
    for row in rows:
        size += len(json.dumps(row))
        if size > most_bytes:
            raise RefusedError("large", megabytes=most_bytes >> 20)
    return {"names": names, "kinds": kinds, "rows": rows[:most], "more": len(rows) > most}


def _kind(kind: str) -> str:
    """The type in which a column of some type is given."""
    if PLAIN.fullmatch(kind):
        return kind
    return "DOUBLE" if WIDE_NUMBER.fullmatch(kind) else "VARCHAR"


def _distinct(names: list[str]) -> list[str]:
    """The names of the columns, with a number after one that has been before."""
    found: list[str] = []
    for name in names:
        own, number = name, 1
        while own in found:
            number += 1
            own = f"{name}_{number}"
        found.append(own)
    return found


def problem_of(error: Exception, snapshot: str) -> dict[str, object]:
    """What the reader is told: a word for it, and DuckDB's own words only where they cannot name the server."""
    if isinstance(error, RefusedError):
        return {"problem": error.problem, "details": error.details}
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return {"problem": "memory", "details": {"megabytes": MEMORY}}
    if isinstance(error, (duckdb.PermissionException, duckdb.IOException)):
        return {"problem": OUTSIDE, "details": {}}
    message = str(error)
    private = [str(PurePath(snapshot).parent), sys.prefix, os.path.expanduser("~/"), ".duckdb"]
    if not isinstance(error, MISTAKES) or any(path in message for path in private):
        return {"problem": "failed", "details": {}}
    return {"problem": "mistake", "details": {}, "message": message[:LONGEST_MESSAGE]}


def main() -> None:
    request = json.load(sys.stdin)
    limit_process()
    try:
        with open_store(request["snapshot"]) as connection:
            sql = only_reading(connection, request["sql"])
            found = answer(connection, sql, request["rows"], request["bytes"])
    except Exception as error:
        found = problem_of(error, request["snapshot"])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
