"""Following another installation's list (国家 above 省): what it gives out, sealed; what is made of it here.

A province is an installation of its own, with its own list, ledger and log. The list that all share arrives from above by
`GET /v1/changes/sealed`: for each change the listing as it is now, with what a court's push carries, sealed (HPKE, RFC 9180)
for the follower's public key. It is applied as listings of courts that are no members here, under the ids they have above.
"""
