"""The operator's page of each service: what the API says and does, for people with a browser.

It reads and decides through the same routes and decisions as the API, and needs no script.
"""

from shared.web.operations.page.decide import DecidePages
from shared.web.operations.page.doors import DoorPages, is_page, refusal
from shared.web.operations.page.overview import OverviewPage
from shared.web.operations.page.parked import ParkedPages

__all__ = ["OperatorPages", "is_page", "refusal"]


class OperatorPages(OverviewPage, ParkedPages, DecidePages, DoorPages):
    """All pages."""
