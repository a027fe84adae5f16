"""What the store itself is made of."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import select


def schema(snapshot: Path) -> pd.DataFrame:
    """Every column of the store: table_name, table_comment, column_name, data_type, comment."""
    return select(
        snapshot,
        """
        SELECT table_name, tables.comment AS table_comment, column_name, data_type, columns.comment
        FROM duckdb_columns() AS columns JOIN duckdb_tables() AS tables USING (database_name, schema_name, table_name)
        WHERE NOT columns.internal ORDER BY table_name, column_index
        """,
    )
