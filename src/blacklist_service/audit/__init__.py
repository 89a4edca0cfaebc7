"""The ledger read from above: searching it, exporting it, verifying it. Every reading is itself an entry, first."""
