"""Acts that wait for a second person (双人复核): proposed by one person, sealed and fixed, carried out when another approves.

The act that is approved is exactly the proposed one, on the version for which it was proposed; the act, the approval and
their entries are one transaction. `members.second_person` says what a person's account may do alone.
"""
