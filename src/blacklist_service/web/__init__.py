"""HTTP plumbing: strict bodies, refusals, request ids, transactions, pages. No capability is known here."""
