"""Questions kept open: when the answer to one changes, it is asked again, recorded, and its unit is told.

Words: a *watch* is the question of one check, kept until a day. A *recheck* is the asking again, an entry of the ledger
with a receipt like any check. An *event* is what a unit is told; its *feed* has all of a unit's events without a gap.
A watch is *due* when something moved that may change its answer, and *unprimed* until it was compared with what moved
before it was committed.
"""
