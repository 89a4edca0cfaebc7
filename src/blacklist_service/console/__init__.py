"""The console (管理台): pages for clerks, court staff, auditors and officers.

Server-rendered pages with plain forms. A page asks the service's own API, in this process and in the name of the person
who logged in: the same transactions, the same refusals, the same entries of the ledger. It decides nothing itself.
"""
