"""The list of dishonest judgment debtors and the life cycle the law gives a listing (法释〔2013〕17号, amended 2017).

Terms: a *listing* is one debtor listed in one enforcement case; it has *versions*, one for each act on it. The *natural key*
identifies a listing (court, case, party, sequence); the *loose key* is court, case, sequence and name, for a row that ends a
listing without giving its number. A *fate* is the result of a row of a file.
"""
