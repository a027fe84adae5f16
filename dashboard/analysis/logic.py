"""Three-valued logic: what follows where some of the premises cannot be told."""

from dashboard.analysis.differences import Presence


def both(*presences: Presence) -> Presence:
    """yes where all are; no where any is not."""
    if "no" in presences:
        return "no"
    return "cannot_tell" if "cannot_tell" in presences else "yes"


def either(*presences: Presence) -> Presence:
    """yes where any is; no where none is."""
    if "yes" in presences:
        return "yes"
    return "cannot_tell" if "cannot_tell" in presences else "no"


def opposite(presence: Presence) -> Presence:
    opposites: dict[Presence, Presence] = {"yes": "no", "no": "yes", "cannot_tell": "cannot_tell"}
    return opposites[presence]
