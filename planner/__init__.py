"""Liver Planner: planning support for liver-directed therapy, for research and training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.api import assess, new_plan, open_case, open_plan

__version__ = "0.1.0"
__all__ = ["__version__", "assess", "new_plan", "open_case", "open_plan"]


def __getattr__(name: str) -> Any:
    """Resolve the public names when they are first used, so that ``import planner`` stays light."""
    if name in __all__:
        from planner import api

        return getattr(api, name)
    raise AttributeError(f"module 'planner' has no attribute '{name}'")
