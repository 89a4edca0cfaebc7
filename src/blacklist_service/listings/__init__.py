"""The list of dishonest judgment debtors and the life the law gives a listing (法释〔2013〕17号, amended 2017).

Words: a *listing* is one debtor's being listed in one enforcement case; it has *versions*, one for each act on it.
The *natural key* says which listing it is (court, case, party, sequence); the *loose key* is court, case, sequence and
name, for a row that ends a listing without its number. A *fate* is what became of a row of a file.
"""
