"""Notification owns what the public sees and is sent: register, status list, circulars, deliveries.

Start at `service.py`: what it listens to. `commands/` brings the tables up to date, `deliveries.py`
has the couriers carry what is due, `api/` answers in JSON and `site/` in pages.
"""
