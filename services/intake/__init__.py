"""Intake owns rounds, recommending units, applications with their evidence and reviews, and bars.

Start at `service.py`: what it listens to. `api/` has the routes, `commands/` what they do, by
aggregate; `rules.py` decides, `models.py` keeps.
"""
