"""What strangers may try: SQL and addresses that reach for files, settings, other people's sessions, or all the time.

`tests/benchmarks/strangers.py` sends them all to a real server; the tests take a part.
"""

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

CANARY = "a-secret-that-nobody-may-read"  # the content of a file that lies beside the store


def reading(files: list[str]) -> Iterator[str]:
    """Queries that read a file, by every function that DuckDB has for it."""
    readers = (
        *("read_csv", "read_csv_auto", "read_text", "read_blob", "read_json", "read_json_auto", "read_ndjson"),
        *("read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "read_duckdb", "sniff_csv", "glob"),
        *("read_json_objects", "read_single_csv_file", "parquet_kv_metadata", "parquet_file_metadata"),
    )
    for reader, file in product(readers, files):
        yield f"SELECT * FROM {reader}('{file}')"
    for file in files:
        yield f"SELECT * FROM '{file}'"
        yield f'FROM "{file}"'
        yield f"SELECT * FROM query('FROM read_text(''{file}'')')"
        yield f"ATTACH '{file}' AS other"
        yield f"COPY run FROM '{file}'"
        yield f"IMPORT DATABASE '{file}'"
        yield f"LOAD '{file}'"
        yield f"/* harmless */ SELECT * FROM \"read_text\"('{file}') -- run"
        yield f"WITH a AS (SELECT content FROM READ_TEXT('{file}')) SELECT * FROM a"
        yield f"SELECT 1; SELECT * FROM read_text('{file}')"
        yield f"EXPLAIN ANALYZE SELECT * FROM read_csv('{file}')"
        yield f"SELECT (SELECT content FROM read_text('{file}'))"
        yield f"PIVOT read_csv('{file}') ON column0 USING count(*)"
        yield f"SUMMARIZE SELECT * FROM read_csv('{file}')"
        yield f"DESCRIBE SELECT * FROM read_csv('{file}')"
        yield f"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{file}'')'))"


def writing(folder: str) -> Iterator[str]:
    """Statements that write a file, or change the store or the settings."""
    for form in ("csv", "parquet", "json"):
        yield f"COPY run TO '{folder}/written.{form}'"
        yield f"COPY (SELECT 'x') TO '{folder}/written.{form}' (FORMAT {form})"
    yield f"EXPORT DATABASE '{folder}/written'"
    yield f"ATTACH '{folder}/written.duckdb'"
    yield f"ATTACH '{folder}/written.duckdb' AS other; CREATE TABLE other.t AS FROM run"
    yield from (
        "DROP TABLE run",
        "DELETE FROM run",
        "TRUNCATE run",
        "UPDATE run SET depth = 99",
        "INSERT INTO study VALUES ('x', 'y')",
        "INSERT OR REPLACE INTO study VALUES ('question', '')",
        "ALTER TABLE run ADD COLUMN x INTEGER",
        "ALTER TABLE run RENAME TO walk",
        "CREATE TABLE t AS FROM run",
        "CREATE OR REPLACE VIEW run AS SELECT 1",
        "CREATE TEMP TABLE t AS FROM run",
        "CREATE MACRO f(x) AS x + 1",
        "CREATE SEQUENCE s",
        "CREATE SCHEMA s",
        "CREATE TYPE mood AS ENUM ('good')",
        "CREATE INDEX i ON run (depth)",
        "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
        "CREATE PERSISTENT SECRET (TYPE http)",
        "COMMENT ON TABLE run IS 'mine'",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "VACUUM",
        "VACUUM ANALYZE run",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "DETACH DATABASE memory",
        "USE memory",
        "INSTALL httpfs",
        "FORCE INSTALL httpfs FROM community",
        "INSTALL '/tmp/evil.duckdb_extension'",
        "LOAD httpfs",
        "UPDATE EXTENSIONS",
        "SET threads = 64",
        "SET memory_limit = '1TB'",
        "SET GLOBAL enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET temp_directory = '/tmp'",
        "SET max_execution_time = 0",
        "SET VARIABLE x = 1",
        "PRAGMA enable_profiling",
        "PRAGMA profiling_output = '/tmp/written.json'",
        "PRAGMA enable_external_access = true",
        "PRAGMA memory_limit = '1TB'",
        "PRAGMA enable_logging",
        "CALL enable_logging()",
        "CALL truncate_duckdb_logs()",
        "SELECT write_log('x')",
        "SELECT nextval('s')",
        "SELECT setseed(0.5), random()",
        "SELECT * FROM checkpoint()",
        "SELECT * FROM enable_profiling()",
        "SELECT * FROM register_external_resource('x', 'y')",
    )


def telling() -> Iterator[str]:
    """Queries that ask about the server: its paths, settings, users and secrets."""
    functions = (
        *("duckdb_settings", "duckdb_databases", "duckdb_secrets", "duckdb_extensions", "duckdb_temporary_files"),
        *("duckdb_external_file_cache", "duckdb_logs", "duckdb_memory", "duckdb_prepared_statements"),
        *("pragma_database_size", "pragma_platform", "pragma_user_agent", "pragma_version", "pragma_storage_info"),
        *("which_secret", "duckdb_extension_repositories", "duckdb_connection_count", "duckdb_variables"),
    )
    for function in functions:
        yield f"SELECT * FROM {function}()"
        yield f'SELECT * FROM "{function}"()'
        yield f"CALL {function}()"
        yield f"FROM system.main.{function}()"
    for view in (
        "duckdb_databases",
        "pragma_database_list",
        "sqlite_master",
        "pg_settings",
        "pg_database",
        "duckdb_logs",
    ):
        yield f"SELECT * FROM {view}"
        yield f"SUMMARIZE {view}"
    for pragma in ("database_list", "database_size", "user_agent", "platform", "storage_info('run')", "show_databases"):
        yield f"PRAGMA {pragma}"
    for setting in ("temp_directory", "home_directory", "secret_directory", "allowed_paths", "extension_directory"):
        yield f"SELECT current_setting('{setting}')"
        yield f"SELECT reverse(current_setting('{setting}'))"
    yield from (
        "SELECT getenv('HOME')",
        "SELECT getenv('PATH')",
        "SELECT * FROM query('SELECT * FROM duckdb_' || 'settings()')",
        "SELECT * FROM query_table('duckdb_settings')",
        'SELECT * FROM U&"\\0064uckdb_settings"()',
        "SELECT * FROM duckdb_/**/settings()",
        "SELECT * FROM\nDuckDB_Settings\n(\n)",
        "SELECT __file__",
        "SELECT * FROM os",
        "SELECT * FROM sys",
        "SELECT * FROM connection",
        "SELECT * FROM request",
        "SELECT * FROM globals()",
        "SELECT * FROM python_map_function(1)",
        "SELECT * FROM pandas_scan(1)",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM arrow_scan(94000000000000::UBIGINT, 1::UBIGINT, 1::UBIGINT)",
        "SELECT * FROM python_arrow_scan(1, 2)",
        "SELECT * FROM seq_scan('run')",
        "SELECT current_query(), current_user, session_user",
        "SELECT inet_client_addr(), inet_server_addr()",
        "SELECT json_serialize_plan('SELECT 1')",
        "SELECT parse_dirpath(current_database())",
    )


def endless() -> Iterator[str]:
    """Queries that take all the time, all the memory, or more rows than anybody can look at."""
    yield from (
        "SELECT * FROM range(1000000000000)",
        "SELECT count(*) FROM range(1000000000) a, range(1000000000) b",
        "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
        "SELECT * FROM layer_histogram a, layer_histogram b, layer_histogram c",
        "SELECT * FROM layer_histogram a, layer_histogram b ORDER BY a.low * b.low",
        "SELECT list(n) FROM range(1000000000) t(n)",
        "SELECT string_agg(n::VARCHAR, '') FROM range(1000000000) t(n)",
        "SELECT repeat('x', 1000000000)",
        "SELECT repeat(repeat('x', 100000), 100000)",
        "SELECT max(length(repeat('x', 1000000000 + n))) FROM range(1000) t(n)",
        "SELECT lpad('x', 2000000000, 'y')",
        "SELECT range(1000000000)",
        "SELECT list_sort(range(100000000))",
        "SELECT unnest(range(1000000000))",
        "SELECT pg_sleep(3600)",
        "SELECT sleep_ms(3600000)",
        "SELECT pg_sleep(1) FROM range(1000)",
        "SELECT regexp_matches(repeat('a', 10000000), '(a*)*b')",
        "SELECT regexp_replace(repeat('ab', 5000000), '(a|b)*?', 'xxxxxxxxxx', 'g')",
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
        "SELECT factorial(100000)",
        "SELECT count(DISTINCT md5(n::VARCHAR)) FROM range(1000000000) t(n)",
        "SELECT * FROM (FROM range(100000000)) ORDER BY hash(range)",
        "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1500)),
        "SELECT " + "(" * 1500 + "1" + ")" * 1500,
        "SELECT " + " + ".join(["1"] * 4000),
        "SELECT " + "-" * 9000 + "1",
        "SELECT 1 " + "UNION ALL SELECT 1 " * 500,
        "SELECT '" + "x" * 9900 + "'",
        "x" * 20_000,
        "(" * 9_000,
        "SELECT CASE " + "WHEN 1 = 2 THEN 1 " * 500 + "END",
        "SELECT [" * 500 + "]" * 500,
        "SELECT struct_pack(" * 300 + "1" + ")" * 300,
    )


def malformed() -> Iterator[str]:
    """What is no query, or one whose answer is hard to show."""
    yield from (
        "",
        ";",
        ";;;;",
        "--",
        "/*",
        "'",
        '"',
        "\\",
        "\x00",
        "SELECT '\x00'",
        "SELECT chr(0)",
        "SELECT '\ud800'",
        "SELECT '\u202e' AS \"\u202e\"",
        "😀",
        "SELECT '😀' AS \"😀\"",
        "' OR 1=1 --",
        "1; DROP TABLE run",
        "SELECT 1) UNION (SELECT 2",
        "SELECT 1 LIMIT 1) FROM run; --",
        "SELECT * FROM run WHERE run_id = $1",
        "SELECT ?",
        "SELECT 1/0, 0/0, -1/0",
        "SELECT 'NaN'::DOUBLE, 'inf'::DOUBLE, '-inf'::FLOAT",
        "SELECT 1 AS a, 2 AS a, 3 AS A",
        "SELECT '<script>alert(1)</script>' AS \"<img src=x onerror=alert(1)>\"",
        "SELECT '=1+1' AS \"=cmd\"",
        "SELECT '[x](javascript:alert(1))' AS \"![x](http://127.0.0.1/x)\"",
        'SELECT 1 AS "a\nb", 2 AS "{x}", 3 AS "%{y}"',
        "SELECT DATE '5881580-07-10', TIMESTAMP 'infinity', TIME '24:00:00', INTERVAL 1 MONTH",
        "SELECT 170141183460469231731687303715884105727::HUGEINT, 1.5::DECIMAL(38, 10)",
        "SELECT [1, NULL], {'a': 1}, MAP {'k': 'v'}, 'x'::BLOB, '101'::BIT, uuid()",
        "SELECT union_value(a := 1), [[1], [2, 3]], NULL",
        "SELECT * FROM run WHERE false",
        "SELECT error('stop')",
        "SELECT assert_true(false)",
        "SELECT nothing FROM nowhere",
        "SELECT {x} FROM run",
        "SELECT test_all_types()",
        "FROM test_all_types()",
        "FROM test_vector_types(1)",
    )


def statements(folder: str) -> list[str]:
    """Every hostile query, once."""
    files = [
        f"{folder}/canary.txt",
        "/etc/passwd",
        "/proc/self/environ",
        "http://127.0.0.1:9/x",
        "../../pyproject.toml",
    ]
    found = [*reading(files), *writing(folder), *telling(), *endless(), *malformed()]
    return list(dict.fromkeys(found))


VALUES = (
    *("", " ", "0", "-1", "1e309", "nan", "99999999999999999999", "0x10", "１", "true", "None", "null", "undefined"),
    *("' OR 1=1 --", "1; DROP TABLE run", "<script>alert(1)</script>", "{{7*7}}", "{page}", "%s%s%s%n", "${x}"),
    *("../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "\\\\host\\share", "a" * 5_000, "\x00", "\u202e"),
    *("😀", "a,b,,c", "train,' OR ''='", "[]", "{}", "javascript:alert(1)", "__class__", "../secrets.toml"),
)
KEYS = ("lang", "layers", "activation", "depth", "epoch", "draw", "metric", "splits", "statistic", "profile", "fixed")
OWN_KEYS = ("page", "asked", "kept", "playing", "sql_x", "sql_kind", "embed", "embed_options", "report", "study")
SERVED = (
    *("/_stcore/health", "/_stcore/metrics", "/_stcore/host-config", "/_stcore/script-health-check"),
    *("/_stcore/allowed-message-origins", "/_stcore/message?hash=x", "/_stcore/upload_file/a/b", "/_stcore/stream"),
    *("/_stcore/agent/interact", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp", "/_stcore/bidi-components/x/y"),
    *("/media/", "/media/x.csv", "/media/../secrets.toml", "/component/", "/component/streamlit/x", "/app/static/"),
    *("/app/static/app.py", "/auth/login", "/auth/login?provider=x", "/auth/logout", "/oauth2callback"),
    *("/oauth2callback?code=x&state=y", "/oauth2callback?error=x%0d%0aSet-Cookie:a=b", "/static/", "/static/../app.py"),
)
FILES = (
    *("app.py", "queries.py", ".streamlit/config.toml", ".streamlit/secrets.toml", "secrets.toml", "text/en.toml"),
    *("../data/results-20260101T000000Z.duckdb", "../pyproject.toml", "../../etc/passwd", "chapters/answer.py"),
    *("canary.txt", ".git/config", ".env", "__pycache__/", "..;/app.py", "//etc/passwd", "etc/passwd"),
)
CLIMBS = ("", "../", "..%2f", "%2e%2e/", "..%5c", "%252e%252e%252f", ".%00/", "static/../", "~/")


def state_queries() -> list[tuple[str, str]]:
    """Pages with a state that no widget has: (chapter, query string)."""
    chapters = ("answer", "depth", "overfitting", "gradients", "sql", "nowhere")
    keys = (*KEYS, *OWN_KEYS)
    return [
        (chapters[number % len(chapters)], f"{key}={quote(value)}")
        for number, (key, value) in enumerate(product(keys, VALUES))
    ]


def paths() -> list[str]:
    """Addresses that reach for files and for the server's own."""
    climbing = [
        f"/{base}{climb * 3}{file}" for base, climb, file in product(("", "app/static/", "media/"), CLIMBS, FILES)
    ]
    return list(dict.fromkeys([*SERVED, *climbing]))
