"""HTTP plumbing: strict bodies, refusals, request ids, transactions, pages. It knows nothing of lists, checks or notices."""
