"""Which acts of a court's accounts need two people, as the court chose, and which are reviewed afterwards.

An act that relieves a person takes effect at once, because delay harms that person; another account reviews it within a
working day (事后复核). Keys of systems keep their contract: none of this applies to them.
"""
