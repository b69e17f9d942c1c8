"""HTML that is safe by construction: whatever is not `Html` already is escaped when it becomes a part of some."""

from html import escape

Attribute = str | int | float | bool | None
VOID = {"img", "br", "meta", "hr", "col"}


class Html(str):
    """Markup; only `tag` and `join` make it, and the assets of this package."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: Attribute) -> Html:
    """An element. Strings are text, `Html` is markup, None is nothing.

    `class_` is class, `data_row` is data-row and `viewBox` stays; attributes that are None or False are left out.
    """
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(start if name in VOID else f"{start}{join(*children)}</{name}>")


def join(*parts: str | None) -> Html:
    """Parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts if part is not None))


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
