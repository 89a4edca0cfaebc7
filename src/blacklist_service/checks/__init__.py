"""The decision on a subject in a matter: requested before an approval, answered together with its evidence.

`rules` decides in memory. `batcher` is the hot path: one statement reads, `rules` decides, a second statement records and
commits, then the answer is sent.
"""
