"""Courts, agencies and auditors; the API keys of their systems; proving who asks."""
