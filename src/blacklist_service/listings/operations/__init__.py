"""Writing the list. Every change, from a single act to a file of a million rows, goes through `applying`."""
