"""SQL of strangers: what is answered, what is refused, and that a refusal costs nobody else anything."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile
import pytest
from stores import cut_store

from dashboard import sandbox
from dashboard.examples import EXAMPLES
from dashboard.sandbox import Answer, QueryProblem, ask


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    (folder / "canary.txt").write_text(hostile.CANARY)
    return cut_store(folder, "depth IN (1, 5) AND seed < 2")


def problem_with(snapshot: Path, sql: str) -> QueryProblem:
    with pytest.raises(QueryProblem) as caught:
        ask(snapshot, sql)
    return caught.value


def test_a_query_gives_its_rows_and_says_that_there_are_more(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "ROWS", 2)
    found = ask(snapshot, "SELECT run_id, depth FROM run ORDER BY depth, run_id; -- the first of many")
    assert list(found.rows.columns) == ["run_id", "depth"]
    assert found.rows["depth"].tolist() == [1, 1]
    assert found.more


def test_every_kind_of_value_arrives_in_a_form_that_can_be_shown(snapshot: Path) -> None:
    sql = (
        "SELECT 1 AS a, 2 AS a, 1.5::DECIMAL(9, 2) AS d, 2::HUGEINT AS h, [1, NULL] AS l, {'x': 1} AS s, "
        "DATE '5881580-07-10' AS day, TIMESTAMP 'infinity' AS t, 'é'::VARCHAR AS v, true AS b, 1 AS \"q\"\"\""
    )
    (row,) = ask(snapshot, sql).rows.to_dict("records")
    assert row == {
        "a": 1,
        "a_2": 2,
        "d": 1.5,
        "h": 2.0,
        "l": "[1, NULL]",
        "s": "{'x': 1}",
        "day": "5881580-07-10",
        "t": "infinity",
        "v": "é",
        "b": True,
        'q"': 1,
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_finds_rows(snapshot: Path, name: str) -> None:
    assert len(ask(snapshot, EXAMPLES[name]).rows)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT 1; SELECT 2", "one_statement"),
        ("-- nothing", "one_statement"),
        ("DROP TABLE run", "reads_only"),
        ("COPY run TO 'x.csv'", "reads_only"),
        ("SET threads = 8", "reads_only"),
        ("SELECT * FROM read_text('canary.txt')", "server"),
        ('SELECT * FROM "duckdb_settings"()', "server"),
        ("SELECT current_setting('temp_directory')", "server"),
        ('SELECT * FROM U&"\\0064uckdb_settings"()', "mistake"),  # no such name, once DuckDB has read it
        ("SELECT list(n) FROM range(1000000000) t(n)", "memory"),
        ("SELECT repeat('x', 20000000)", "large"),
        ("SELECT nothing FROM run", "mistake"),
        ("x" * 20_000, "long"),
    ],
)
def test_a_query_that_is_not_answered_says_why(snapshot: Path, sql: str, reason: str) -> None:
    assert problem_with(snapshot, sql).reason == reason


def test_a_mistake_is_told_in_the_words_of_duckdb(snapshot: Path) -> None:
    assert 'Referenced column "nothing" not found' in problem_with(snapshot, "SELECT nothing FROM run").message


def test_a_query_without_end_is_stopped_and_does_not_hold_up_what_does_not_need_it(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 2.0)
    started = time.monotonic()
    assert problem_with(snapshot, "SELECT pg_sleep(60)").details == {"seconds": 2.0}
    assert time.monotonic() - started < 3


def test_more_queries_than_there_are_turns_wait_and_are_told_so_in_the_end(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 2.0)
    monkeypatch.setattr(sandbox, "PATIENCE", 0.5)

    def outcome(_: int) -> str:
        try:
            ask(snapshot, "SELECT pg_sleep(60)")
        except QueryProblem as problem:
            return problem.reason
        return "answered"

    number = sandbox.AT_ONCE + 2
    with ThreadPoolExecutor(number) as threads:
        assert sorted(threads.map(outcome, range(number))) == ["busy"] * 2 + ["slow"] * sandbox.AT_ONCE
    assert isinstance(ask(snapshot, "SELECT 1"), Answer)


def test_hostile_queries_read_no_file_write_none_and_tell_no_path(snapshot: Path) -> None:
    """Every twentieth of those that end by themselves; the benchmark sends them all."""
    quick = [sql for sql in hostile.statements(str(snapshot.parent)) if sql not in set(hostile.endless())][::20]
    before = {path: path.read_bytes() for path in snapshot.parent.iterdir()}
    for sql in quick:
        try:
            told = ask(snapshot, sql).rows.to_csv()
        except QueryProblem as problem:
            told = problem.message
        own = told.replace(str(snapshot.parent), "") if str(snapshot.parent) in sql else told  # the query's own words
        assert hostile.CANARY not in told, sql
        assert str(snapshot.parent) not in own, sql
    assert {path: path.read_bytes() for path in snapshot.parent.iterdir()} == before
