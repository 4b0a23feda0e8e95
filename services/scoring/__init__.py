"""Scoring owns entries, experts with their assignments, publicity and objections; it designates.

Start at `service.py`: what it listens to and when it acts by itself. `api/` has the routes,
`commands/` what they do, by aggregate; `rules/` decides, `models.py` keeps.
"""
