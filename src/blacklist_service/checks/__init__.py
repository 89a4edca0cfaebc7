"""The decision for a subject in a matter: asked before an approval, answered with its evidence.

`rules` decides in memory, `batcher` is the hot path: read, decide, record and commit in one transaction, then answer.
"""
