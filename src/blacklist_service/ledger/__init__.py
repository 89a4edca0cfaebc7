"""The append-only record of every act: the write side. It sits below everyone; `audit` reads it from above.

A *leaf* is the canonical JSON of an entry and is what the transparency log hashes; no person stands in it in clear.
What a leaf commits to (who was asked about, by whom, the exact answer) is kept sealed beside it with its *salt*:
with the salt anyone can check the commitment; once the salt is erased nobody can guess it.
"""
