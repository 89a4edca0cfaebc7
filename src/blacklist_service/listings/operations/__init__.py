"""Writing the list. Every change, from one act to a file of a million rows, goes through `applying`."""
