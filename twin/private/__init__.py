"""Redaction: finding secrets and personal data in a text, and replacing them with typed placeholders.

Cleaning hides with it, its checks search with it again, and whatever leaves the house can be scanned with it.
"""
