"""Scoring's decisions, by what they are about; nothing here reads or writes."""
