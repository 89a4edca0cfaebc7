"""What a court requires of a unit: the assistance notice (协助执行通知书, domain §2.3).

A listing never implies a notice, and a notice can concern a person who is not listed. A stop notice in force turns a measure
that needs one into a block from the moment of service; all other notices are requests with a deadline and a reply.
"""
