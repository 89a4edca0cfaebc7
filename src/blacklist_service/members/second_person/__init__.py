"""Which acts of a court's accounts need two people, by the court's option; and which are looked at afterwards.

What takes a burden off a person takes effect at once, for delay harms that person; another looks at it within a working day
(事后复核). Keys of systems keep their contract: what is asked of accounts here is not asked of them.
"""
