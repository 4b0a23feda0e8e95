"""Couriers: letters by SMTP, webhooks as Standard Webhooks. They know no database.

What they report of a failure is a code and words of our own, never the receiver's text, which
could hold an address.
"""
