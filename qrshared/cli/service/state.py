"""What is known of the installed service, whichever system keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Whether the service is set up and running; `details` are sentences worth saying."""

    is_installed: bool
    is_running: bool
    pid: int | None = None
    details: tuple[str, ...] = ()
