"""Courts, agencies and auditors; the API keys of their systems; authentication."""
