"""Which unit acts and which does not (督查考评, domain §2.5): figures from the ledger, the same again for a past month."""
