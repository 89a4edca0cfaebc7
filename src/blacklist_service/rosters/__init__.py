"""Rosters (名册): a file of persons or organisations that a unit's officer hands in at the console to have each row checked.

A roster is kept sealed, read in a child process, and asked about by the worker in small slices, in the hot path's own code:
each row that is answered is a check with its receipt. All its rows are one screening (`checks/screenings.py`), one act of
the officer within the unit's quota of rows. What was handed in is deleted once the result is written, and the result with
all else a week after.
"""
