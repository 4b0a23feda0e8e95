"""The public site: what the register knows, as pages in two languages that need no script."""

from services.notification.site.doors import DoorPages
from services.notification.site.proceedings import ProceedingsPages
from services.notification.site.register import RegisterPages

__all__ = ["SitePages"]


class SitePages(RegisterPages, ProceedingsPages, DoorPages):
    """All pages."""
