"""The schema, step by step (Alembic). Plain SQL: what stands here is what runs, and what a DBA reads.

Expand, deploy, contract: each step must run while the version before it still serves.
"""
