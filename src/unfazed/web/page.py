"""The review page: one document with its style and script in it, that asks nobody but its own server for anything."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from unfazed.report.page import LOGO

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
    style = _asset("unfazed.report", "page.css") + _asset("unfazed.web", "review.css")
    script = f"{_asset('unfazed.web', source)}\n{_asset('unfazed.web', 'review.js')}"
    policy = (
        f"default-src 'none'; {allowed}; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "style": style, "script": script, "logo": LOGO, "data": data}
    return Template(_asset("unfazed.web", "review.html")).substitute(parts)


HEADERS = {  # of every answer
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest of the policy stands in the page
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _asset(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
