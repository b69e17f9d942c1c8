"""Shares, and numbers that may be negative, as people read them, wherever they are told."""

import math


def percent(share: float) -> str:
    """A share in percent; never rounded to 0 or to 100 % unless it is that."""
    if share in (0, 1):
        return f"{100 * abs(share):.0f} %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    if -0.0005 < share < 0:
        return "> −0.1 %"
    return "< 0.1 %" if 0 < share < 0.0005 else signed(f"{100 * share:.1f} %")


def probability(share: float) -> str:
    """A model's probability in percent: it is never certain, though 32 bits may have no room for its doubt."""
    return percent(min(max(float(share), math.ulp(0.0)), math.nextafter(1.0, 0.0)))


def signed(text: str) -> str:
    """A number with a true minus, as wide as a plus, where it has one."""
    return f"−{text[1:]}" if text.startswith("-") else text
