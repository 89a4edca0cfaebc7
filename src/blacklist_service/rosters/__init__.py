"""Rosters (名册): a file of persons or organisations that a unit's officer uploads at the console to have each row checked.

A roster is stored sealed, read in a child process, and checked by the worker in small slices with the code of the hot path:
each answered row is a check with its receipt. All its rows are one screening (`checks/screenings.py`), one act of the officer
within the unit's quota of rows. The upload is deleted once the result is written, and the result with everything else after a
week.
"""
