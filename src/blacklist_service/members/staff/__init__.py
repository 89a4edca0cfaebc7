"""People's accounts (console.md §5): opened without rights, granted duties by another officer, enrolled by the person.

An account is a row among the API keys, without a secret that anybody could present. So the snapshot of a check refuses an
ended or locked account as it refuses a revoked key, and the ledger names the account where it would name a key.
"""
