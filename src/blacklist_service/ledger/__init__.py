"""The append-only record of every act: the write side. All other packages may use it; `audit` is the read side above them.

A *leaf* is the canonical JSON of an entry, and is what the transparency log hashes; it identifies no person in clear text.
What a leaf commits to (who was asked about, by whom, the exact answer) is stored sealed beside it with its *salt*: with the
salt anyone can check the commitment; once the salt is erased nobody can guess the content.
"""
