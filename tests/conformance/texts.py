"""Texts nobody wants to meet, made in memory."""

import codecs

LONG = "a long story, " * 50_000


def odd() -> dict[str, bytes]:
    """Unusual texts that can be used."""
    texts = {
        "one letter": "x",
        "one emoji": "🙂",
        "emoji with joiners": "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈",
        "only punctuation": "?!…",
        "a number": "42",
        "right to left": "שלום עולם, مرحبا بالعالم",
        "right-to-left override": "\u202eevil\u202c.txt",
        "no spaces between words": "これは日本語の文章です。没有空格的句子。ประโยคภาษาไทย",
        "combining marks without end": "Z" + "\u0301" * 500,
        "letter that becomes eighteen": "\ufdfa" * 300,
        "HTML": "<p onclick=\"alert('x')\">Tom &amp; Jerry<script>alert(1)</script></p>",
        "null byte": "a text with one\0 null byte in it, as programs leave them",
        "lines and tabs": "a\r\n\tb\n\n\nc",
        "invisible": "a\u200b\u00ad\ufeffb",
        "a path": "/etc/passwd",
        "an address": "https://example.org/one",
        "one long word": "x" * 1_000_000,
        "very long": LONG,
        "a formula": "=HYPERLINK(\"https://example.org\")",
    }
    return {
        **{name: text.encode() for name, text in texts.items()},
        "UTF-8 with a mark": codecs.BOM_UTF8 + "Grüße".encode(),
        "UTF-16": "Grüße".encode("utf-16"),
        "UTF-16, the other way": codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"),
        "UTF-32": "Grüße".encode("utf-32"),
        "Windows-1252": "Grüße – “quoted”".encode("cp1252"),
        "UTF-8 with one bad byte": "schöne grüße aus köln".encode() + b"\xff!",
        "UTF-8 cut within a letter": "schöne grüße aus köln, ö".encode()[:-1],
        "only bad bytes": b"\xff\xfe\xfd",
    }


def hostile() -> dict[str, bytes]:
    """What is called a text and cannot be used."""
    return {
        "empty": b"",
        "white space": b" \t\r\n ",
        "spaces of other scripts": "\u00a0\u2003\u3000".encode(),
        "null bytes": bytes(100),
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40),
        "zip": b"PK\x03\x04" + bytes(40),
        "pickle": b"\x80\x04\x95\x05\0\0\0\0\0\0\0",
        "only a mark": codecs.BOM_UTF8,
        "half a UTF-16 letter": codecs.BOM_UTF16_LE,
    }
