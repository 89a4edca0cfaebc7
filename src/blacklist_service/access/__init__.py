"""Who may do what: scopes, roles, and who is acting. Vocabulary only; the keys themselves are in `members`."""
