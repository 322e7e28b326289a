"""What the people behind a newsletter are told about an issue, each once."""

from enum import StrEnum


class AlertKind(StrEnum):
    """Why somebody is written to."""

    NOT_READY = "not_ready"  # its time is near
    PROBLEM = "problem"  # it is due and cannot be sent as it stands
    DOUBTFUL = "doubtful"  # it may have been sent already; a person decides
    BEGUN = "begun"
    INTERRUPTED = "interrupted"  # the way out is closed; it is tried again
    BROKEN = "broken"  # everybody was refused; it is paused
    FINISHED = "finished"
    UNPUBLISHED = "unpublished"  # people have it, and the archive does not; it is tried again
    MISSED = "missed"
    HEARTBEAT = "heartbeat"  # a monitor, which knows by it that all is well
