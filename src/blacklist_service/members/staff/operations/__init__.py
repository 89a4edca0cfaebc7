"""What is done to accounts of people, and by them: accounts, their duties, their factors.

Each act is an entry of the ledger in its own transaction. Its facts name accounts by their id; names and logins are in the
entry's private part.
"""
