"""The console (管理台): pages for clerks, court staff, auditors and officers.

Server-rendered pages with plain forms. A page calls the service's own API, in this process and in the name of the logged-in
person: the same transactions, the same refusals, the same ledger entries. It decides nothing itself.
"""
