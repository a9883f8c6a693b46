"""Loading the numerics once, before several threads want them at the same time."""

from __future__ import annotations

import threading

_lock = threading.Lock()
_is_loaded = False


def load_numerics() -> None:
    """Import numba, scipy, scikit-image and the kernels; the second caller waits for the first.

    Two threads that import the same large package at once can meet it half-made.
    """
    global _is_loaded
    with _lock:
        if _is_loaded:
            return
        import scipy.fft
        import scipy.interpolate
        import scipy.ndimage
        import scipy.spatial
        import SimpleITK
        import skimage.measure

        import planner.compute.margin
        import planner.compute.slice_spread

        loaded = (scipy.fft, scipy.interpolate, scipy.ndimage, scipy.spatial, SimpleITK, skimage.measure)
        assert all((*loaded, planner.compute.margin, planner.compute.slice_spread))
        _is_loaded = True
