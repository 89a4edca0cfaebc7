"""Who may do what: scopes, roles, and who is acting. Vocabulary alone; the keys themselves are in `members`."""
