"""Webhooks: a unit that takes connections is told of its watch events as they happen, by Standard Webhooks 1.0.

The gapless feed of `watches` is the record; a webhook is the doorbell. A *target* is an address to which the
administrator lets the service speak; an *endpoint* is one webhook's URL with its health; a *delivery* is one event on
its way to one endpoint; a *line* is what keeps order: the deliveries of one watch, or of one past check. Told means
that the receiver answered 2xx to the signed event: telling is evidence, and an entry of the ledger.
"""
