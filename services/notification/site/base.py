"""What all pages share: language from the address, the rehearsal banner, the switch."""

from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from services.notification.site import render
from services.notification.site.texts import LANGUAGES
from shared.web.routes import Call, ServiceApi

LANGUAGE = f"/<any({','.join(LANGUAGES)}):language>"


class Pages(ServiceApi):
    """A page is a template, its context, and its address in the other language."""

    def page(self, call: Call, template: str, here: str, **context: Any) -> Response:
        """Render a page; `here` is its address after the language."""
        language = str(call.path["language"])
        query = {name: value for name, value in call.query.items() if value is not None}
        address = f"{here}?{urlencode(query)}" if query else here
        shown = render.page(
            template,
            language,
            here=address,
            is_rehearsal=self.is_rehearsal,
            site=self.runtime.settings.site_url,
            **context,
        )
        return render.fresh(shown, call.headers)

    @property
    def is_rehearsal(self) -> bool:
        """Whether nothing here is real."""
        return self.runtime.clock.kind == "rehearsal"
