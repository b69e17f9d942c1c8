"""The review page: one document with its style and script in it, that asks nobody but its own server for anything."""

import json
from string import Template
from typing import Any

from unfazed.report.page import LOGO, asset, policy

_SCRIPTS = ("things.js", "review.js", "end.js")
_DATA = '<script type="application/json" id="data">$data</script>'


def page() -> str:
    """The page that talks to a server."""
    return _document("remote.js", "img-src 'self' data:; media-src 'self'; connect-src 'self'", "")


def static_page(data: Any) -> str:
    """The page that holds all it shows: `data` as JSON."""
    told = json.dumps(data, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    return _document("local.js", "img-src data:; media-src data:", Template(_DATA).substitute(data=told))


def _document(source: str, allowed: str, data: str) -> str:
    """`source`: the script that says where examples come from and where decisions go."""
    style = asset("unfazed.report", "page.css") + asset("unfazed.web", "review.css")
    script = "\n".join(asset("unfazed.web", name) for name in (source, *_SCRIPTS))
    parts = {"policy": policy(allowed, style, script), "style": style, "script": script, "logo": LOGO, "data": data}
    return Template(asset("unfazed.web", "review.html")).substitute(parts)


HEADERS = {  # of every answer
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest of the policy stands in the page
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
