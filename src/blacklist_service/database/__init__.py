"""PostgreSQL: the only component. Connections, transactions, migrations, and the embedded server."""
