"""How names and numbers are read and compared: the service's own files, for a copy of the list to agree with it."""
