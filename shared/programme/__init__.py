"""One round: its values, how they are read and checked, and where each service keeps it.

One definition for all services: published once by intake, kept whole by every consumer.
"""
