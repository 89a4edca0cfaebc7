"""What a review broke, each reproduction as a test: one row, one key or a stranger against all the others."""
