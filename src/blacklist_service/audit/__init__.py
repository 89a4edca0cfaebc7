"""The read side of the ledger: searching, exporting and verifying it. Every read is recorded before it is answered."""
