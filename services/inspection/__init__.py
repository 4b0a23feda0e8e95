"""Inspection owns plans, draws, inspections, agencies with their messages, and revocations.

Start at `service.py`: what it listens to and when it acts by itself. An agency's message goes by
`commands/messages.py`, `inspections.py` and `projects.py`; `rules/` decides, `models.py` keeps.
"""
