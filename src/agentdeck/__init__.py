"""agentdeck: a terminal control room for many coding agents working on one plan.

`Client` and `AsyncClient` are for programs; they are imported when they are first named, so that
the command line starts as fast as it does.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # `typing` itself would be most of what this module costs
if TYPE_CHECKING:
    from agentdeck.client.asynchronous import AsyncClient
    from agentdeck.client.following import CursorLost, Event
    from agentdeck.client.synchronous import Client
    from agentdeck.control.protocol import EngineGone, NoAnswer
    from agentdeck.core.errors import DeckError, EnvironmentFault, NotFoundError, RefusedError

_WHERE = {
    "AsyncClient": "agentdeck.client.asynchronous",
    "Client": "agentdeck.client.synchronous",
    "CursorLost": "agentdeck.client.following",
    "Event": "agentdeck.client.following",
    "EngineGone": "agentdeck.control.protocol",
    "NoAnswer": "agentdeck.control.protocol",
    "DeckError": "agentdeck.core.errors",
    "EnvironmentFault": "agentdeck.core.errors",
    "NotFoundError": "agentdeck.core.errors",
    "RefusedError": "agentdeck.core.errors",
}

__all__ = [
    "AsyncClient",
    "Client",
    "CursorLost",
    "DeckError",
    "EngineGone",
    "EnvironmentFault",
    "Event",
    "NoAnswer",
    "NotFoundError",
    "RefusedError",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import what is public when it is first named."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
