"""Webhooks: a unit that accepts connections receives its watch events as they happen, by Standard Webhooks 1.0.

The gapless feed of `watches` is the record; a webhook only speeds things up. A *target* is an address to which the
administrator lets the service connect; an *endpoint* is one webhook's URL with its health; a *delivery* is one event on its
way to one endpoint; a *line* is the unit of ordering: the deliveries of one watch, or of one past check. An event counts as
told when the receiver answered 2xx to the signed event; this is evidence, and recorded in the ledger.
"""
