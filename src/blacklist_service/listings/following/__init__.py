"""Following another installation's list (a province follows the nation's): what is given out, sealed; and what is made of it
here.

A province is an installation of its own, with its own list, ledger and log. The national list comes from `GET
/v1/changes/sealed`: for each change, the listing as it is now, with everything that a court's push carries, sealed (HPKE, RFC
9180) for the follower's public key. It is applied as listings of courts that are not members here, under the ids they have in
the national list.
"""
