"""What the vault asks the database costs by what is asked for, not by what is stored."""

import sqlalchemy as sa

from answerable.kit.ids import TenantId
from answerable.privacy import store


def test_reading_a_page_of_values_does_not_read_the_whole_tenant() -> None:
    engine = sa.create_engine("sqlite://")
    plans: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def explain(
        _connection: object,
        cursor: sa.engine.interfaces.DBAPICursor,
        statement: str,
        parameters: object,
        *_: object,
    ) -> None:
        if statement.startswith("SELECT"):
            told = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in told)

    with engine.begin() as tx:
        store.vault_key.create(tx)
        store.vault_value.create(tx)
        list(store.values_of(tx, TenantId("shop"), [f"val_{n}" for n in range(100)]))

    assert plans[0].startswith("SEARCH vault_value USING INDEX sqlite_autoindex_vault_value_1")
    engine.dispose()
