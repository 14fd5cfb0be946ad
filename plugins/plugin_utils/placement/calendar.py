# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an environment may be changed: freezes, and maintenance windows. Pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..shape import Moment
from ..user_error import UserError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def refused(raw: Mapping[str, Any], environment: str, now: Moment) -> str:
    """Why the environment may not be changed now, or nothing. An entry without environments is about all of them."""
    for freeze in raw["freezes"]:
        if _about(freeze, environment) and freeze["from"] <= now < freeze["until"]:
            return f"frozen until {_said(freeze['until'])} by {freeze['name']} ({freeze['reason']})"
    windows = [window for window in raw["windows"] if _about(window, environment)]
    starts = [start for window in windows for start in _starts(window, now, "windows")]
    if not windows or any(start <= now < end for start, end in starts):
        return ""
    coming = [start for start, _end in starts if start > now]
    return f"changed in its maintenance windows only, the next begins {_said(min(coming)) if coming else 'never'}"


def _about(entry: Mapping[str, Any], environment: str) -> bool:
    return not entry["environments"] or environment in entry["environments"]


def _said(when: Moment) -> str:
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def check(window: Mapping[str, Any], where: str) -> None:
    """Raise UserError for a window whose times are none."""
    _starts(window, Moment.now(datetime.timezone.utc), where)


def _starts(window: Mapping[str, Any], now: Moment, where: str) -> list[tuple[Moment, Moment]]:
    """Begin and end of a window from yesterday to in a week."""
    try:
        zone = ZoneInfo(window["timezone"])
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise UserError(
            f"{where}: there is no time zone {window['timezone']!r}; use a name such as Europe/Berlin"
        ) from error
    if not window["days"]:
        raise UserError(f"{where}: days names no day, so nothing could ever be changed; remove it for every day")
    wrong = sorted(set(window["days"]) - set(DAYS))
    if wrong:
        raise UserError(f"{where}: there is no day {wrong[0]!r}; days are {', '.join(DAYS)}")
    hour, minute = _clock(window["from"], where)
    today = now.astimezone(zone)
    begins = [
        Moment(day.year, day.month, day.day, hour, minute, tzinfo=zone)
        for offset in range(-1 - window["hours"] // 24, 9)
        if DAYS[(day := today + datetime.timedelta(days=offset)).weekday()] in window["days"]
    ]
    # In UTC: where clocks are put forward or back, an hour of the zone's clock is none, or two.
    utc = [begin.astimezone(datetime.timezone.utc) for begin in begins]
    return [(begin, begin + datetime.timedelta(hours=window["hours"])) for begin in utc]


def _clock(value: Any, where: str) -> tuple[int, int]:
    """Hour and minute of C(22:00), which YAML may read as a number of minutes; a number below 60 is no time that it read."""
    try:
        hour, minute = divmod(value, 60) if isinstance(value, int) else (int(part) for part in value.split(":"))
        if not (0 <= hour < 24 and 0 <= minute < 60) or (isinstance(value, int) and value < 60):
            raise ValueError(value)
    except (AttributeError, ValueError) as error:
        raise UserError(f"{where}: from is {value!r}, a time such as 22:00 is needed") from error
    return hour, minute
