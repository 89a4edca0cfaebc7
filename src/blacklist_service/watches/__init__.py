"""Watches: when the answer to a watched question changes, it is asked again, recorded, and its unit is told.

Terms: a *watch* is the question of one check, kept until a day. A *recheck* asks it again, and is a ledger entry with a
receipt like any check. An *event* is what a unit is told; its *feed* has all of a unit's events without a gap. A watch is
*due* if something changed that may change its answer, and *unprimed* until it was compared with the changes that preceded its
commit.
"""
