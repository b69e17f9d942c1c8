"""The server of the review page: one run, on this machine, for whoever has the link.

Requests are untrusted. Each names the token in its path, comes for this host, is small, and is answered within seconds;
a page of another origin can neither read an answer nor send a decision.
"""

import hmac
import ipaddress
import json
import re
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from unfazed.errors import InputError, UnfazedError, UsageError
from unfazed.web.decisions import ConflictError
from unfazed.web.page import HEADERS, page
from unfazed.web.review import STATES, Review, Wanted

LONGEST_BODY = 64 * 1024  # bytes
PATIENCE = 30  # seconds that a connection may be silent
_LONGEST_VALUE = 300  # letters of a part of a query


class ReviewServer(ThreadingHTTPServer):
    """Serves one review; `address` is the link to it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, review: Review, host: str, port: int):
        """Listen, on a free port where `port` is 0.

        Raises:
            UsageError: the address cannot be listened on.
        """
        self.review, self.host = review, host
        self.token = secrets.token_urlsafe(24)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen on {host}, port {port}: {error}. Try another --port or --host") from error

    @property
    def address(self) -> str:
        """The link, token and all."""
        everywhere = self.host in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}/{self.token}/"

    def server_bind(self) -> None:
        """Listen without asking a name server who this is, as `HTTPServer` does."""
        super(ThreadingHTTPServer, self).server_bind()
        self.server_name, self.server_port = self.host, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's news."""


class _Refusal(Exception):  # noqa: N818 - it ends a request, not a program
    """An answer other than 200."""

    def __init__(self, status: HTTPStatus, told: Mapping[str, Any] | str):
        super().__init__(status.phrase)
        self.status, self.told = status, {"error": told} if isinstance(told, str) else dict(told)


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "unfazed", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take a decision."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the link would stand in the log."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What `http.server` refuses by itself, without repeating what was asked."""
        self.close_connection = True
        self._send(HTTPStatus(code), "text/plain; charset=utf-8", HTTPStatus(code).phrase.encode())

    def _answer(self, answer: Callable[[list[str]], tuple[str, bytes]]) -> None:
        status = HTTPStatus.OK
        try:
            kind, data = answer(self._allowed())
        except _Refusal as refusal:
            status, (kind, data) = refusal.status, _json(refusal.told)
        except InputError as error:
            status, (kind, data) = HTTPStatus.NOT_FOUND, _json({"error": str(error)})
        except UsageError as error:
            status, (kind, data) = HTTPStatus.BAD_REQUEST, _json({"error": str(error)})
        except ConflictError as conflict:
            told = self.server.review.told(conflict.row, conflict.current, conflict.number)
            status, (kind, data) = HTTPStatus.CONFLICT, _json({"error": str(conflict), **told})
        except UnfazedError as error:  # no room on the disk
            status, (kind, data) = HTTPStatus.INTERNAL_SERVER_ERROR, _json({"error": str(error)})
        except (ConnectionError, TimeoutError):  # nobody is there to be answered
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
            sys.stderr.write(f"unfazed review: {why}\n")  # not what was asked for: the link would stand there
            status, (kind, data) = HTTPStatus.INTERNAL_SERVER_ERROR, _json({"error": why})
        self._send(status, kind, data)

    def _allowed(self) -> list[str]:
        """The parts of the path behind the token."""
        if not self._is_ours(self.headers.get("Host", "")):
            self.close_connection = True
            raise _Refusal(HTTPStatus.FORBIDDEN, "this server does not answer for that host")
        _, token, *parts = [*self._address()[0].split("/"), ""][: 2 + 8]
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self.close_connection = True
            raise _Refusal(HTTPStatus.FORBIDDEN, "open the link that `unfazed review` printed: it holds the key")
        return parts[:-1]

    def _address(self) -> tuple[str, dict[str, str]]:
        """The path that is asked for, and the fields behind it."""
        try:
            address = urlsplit(self.path)
            return address.path, dict(parse_qsl(address.query, max_num_fields=12))
        except ValueError as error:
            self.close_connection = True
            raise _Refusal(HTTPStatus.BAD_REQUEST, "that is no address, or has too many fields") from error

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server: not some domain that was made to lead here (DNS rebinding)."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in (self.server.host.lower(), "localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name == socket.gethostname().lower()
        return address.is_loopback or not _is_loopback(self.server.host)

    def _get(self, parts: list[str]) -> tuple[str, bytes]:
        review = self.server.review
        query = self._address()[1]
        match parts:
            case [""]:
                return "text/html; charset=utf-8", page().encode()
            case ["start"]:
                return _json(review.start())
            case ["list"]:
                return _json(review.listed(*_asked(query)))
            case ["changes"]:
                return _json(review.changes(_number(query.get("since", "0"))))
            case ["example", row]:
                return _json(review.example(self._row(row)))
            case ["picture", row, ("small" | "full") as size]:
                return review.things.picture(self._row(row), size)
            case ["sound", row]:
                return review.things.sound(self._row(row))
            case ["export", name] if name == review.file:
                return "text/csv; charset=utf-8", review.export().encode()
        raise _Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _post(self, parts: list[str]) -> tuple[str, bytes]:
        said = self._body()
        match parts:
            case ["decide"]:
                return _json(self.server.review.decide(said))
            case ["undo"]:
                return _json(self.server.review.undo(said))
        raise _Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _body(self) -> dict[str, Any]:
        """What was sent, a JSON object: not more than is allowed is ever read."""
        self.close_connection = True  # whatever is left unread must not be taken for another request
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
        if len(length) > 9 or int(length) > LONGEST_BODY:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LONGEST_BODY} bytes")
        if self.headers.get_content_type() != "application/json":  # what a form of another page cannot send
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers.get('Host', '')}":
            raise _Refusal(HTTPStatus.FORBIDDEN, "decisions are taken from this server's own page")
        try:
            said = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the body is not JSON") from error
        if not isinstance(said, dict):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
        self.close_connection = False
        return said

    def _row(self, text: str) -> int:
        row = _number(text)
        if not 0 <= row < len(self.server.review.table):
            raise _Refusal(HTTPStatus.NOT_FOUND, f"there is no row {row}")
        return row

    def _send(self, status: HTTPStatus, kind: str, data: bytes) -> None:
        whole, part = len(data), _part(self.headers.get("Range", "")) if kind.startswith("audio/") else None
        if part is not None and part.start < whole:  # some browsers play nothing that they cannot ask for in parts
            status, data = HTTPStatus.PARTIAL_CONTENT, data[part]
        self.send_response(status)
        if status == HTTPStatus.PARTIAL_CONTENT and part is not None:
            self.send_header("Content-Range", f"bytes {part.start}-{part.start + len(data) - 1}/{whole}")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if kind.startswith("text/csv"):
            self.send_header("Content-Disposition", f'attachment; filename="{self.server.review.file}"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _asked(query: Mapping[str, str]) -> tuple[Wanted, int, int | None]:
    """The rows that a query wants, and the ranks between which."""
    texts = {name: query.get(name, "")[:_LONGEST_VALUE] for name in ("split", "label", "suggested", "state", "text")}
    if texts["state"] and texts["state"] not in STATES:
        raise UsageError(f"there is no state {texts['state']!r}")
    try:
        low, high = (float(query.get(name, default)) for name, default in (("low", "0"), ("high", "1")))
    except ValueError as error:
        raise UsageError("low and high must be numbers") from error
    before = _number(query["before"]) if "before" in query else None
    return Wanted(**texts, worth="worth" in query, low=low, high=high), _number(query.get("after", "-1")), before


def _part(header: str) -> slice | None:
    """The bytes that a Range header asks for; None where it asks in another way, and gets all of them."""
    found = re.fullmatch(r"bytes=([0-9]{1,12})-([0-9]{0,12})", header)
    if found is None:
        return None
    end = int(found[2]) + 1 if found[2] else None
    return slice(int(found[1]), end) if end is None or end > int(found[1]) else None


def _number(text: str) -> int:
    """A whole number of a few digits."""
    if len(text) > 12 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdecimal():
        raise UsageError("a whole number is wanted")
    return int(text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(told: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(told, ensure_ascii=True, allow_nan=False).encode()
