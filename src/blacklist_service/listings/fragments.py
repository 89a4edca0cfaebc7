"""Pieces of SQL that several reads of the list share, whether SQL in plain sight or composed."""

CONTENT_OF_VERSION = """
    SELECT document, secret, content_digest FROM listing_versions c
    WHERE c.listing_id = v.listing_id AND c.version <= v.version AND c.document IS NOT NULL
    ORDER BY c.version DESC LIMIT 1
"""
"""The content that version `v` of a listing has: its own, or the newest before it."""
