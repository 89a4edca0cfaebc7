"""Acts that wait for a second person (双人复核): made by one, sealed and frozen, carried out when another approves.

What is approved is what was proposed, on the version it was proposed on; the act, the approval and their entries are one
transaction. What a person's account may do alone, and what not, says `members.second_person`.
"""
