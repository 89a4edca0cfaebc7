"""Which units act and which do not (督查考评, domain §2.5): figures from the ledger, reproducible for a past month."""
