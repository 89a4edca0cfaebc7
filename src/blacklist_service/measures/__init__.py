"""Which matter has which consequence, for which relation to a listed debtor, on what legal basis (domain §2).

An agency may apply a measure only while a law or a national list allows it (国办发〔2020〕49号), so the measures are data
with basis, edition and dates, stored in versions: every answer names the version that it was made from.
"""
