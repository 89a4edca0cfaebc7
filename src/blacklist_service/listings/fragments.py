"""SQL fragments shared by several reads of the list, in plain or composed statements."""

CONTENT_OF_VERSION = """
    SELECT document, secret, content_digest FROM listing_versions c
    WHERE c.listing_id = v.listing_id AND c.version <= v.version AND c.document IS NOT NULL
    ORDER BY c.version DESC LIMIT 1
"""
"""The content of version `v` of a listing: its own, or the newest before it."""
