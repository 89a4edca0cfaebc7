"""`python -m blacklist_service` is `blacklist-service`."""

from blacklist_service.cli import main

main()
