"""How compiled kernels run: set up before numba is imported, and imported by every kernel module.

numba costs a quarter of a second to import, so `import planner.compute` never does it; a module
with kernels does, through `kernel` here.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import platformdirs

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def _cache_folder() -> Path:
    """Folder for compiled kernels, named after the state of the sources.

    numba notices that a kernel's own file changed, not that a kernel it calls in another file
    did; a folder a state of the sources keeps old machine code from being used after an update.
    """
    state = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        facts = source.stat()
        state.update(f"{source.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    folder = Path(platformdirs.user_cache_dir("liver-planner")) / "kernels" / state.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass  # A home that cannot be written to must not keep the planner from starting.
    return (
        Path(tempfile.gettempdir()) / f"liver-planner-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
    )


# A waiting OpenMP thread that spins makes two threads slower than one on a loaded machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())

import numba  # noqa: E402  (the two settings above are read on import)


def kernel(function: Kernel) -> Kernel:
    """Compile a serial kernel: kept on disk, without the interpreter lock, strict floating point.

    Dividing by zero gives infinity or NaN, as in numpy: a check at every division would keep loops
    from using the processor's wide registers.
    """
    compiled = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    return cast("Kernel", compiled)


def use_one_blas_thread() -> None:
    """Let numpy's and scipy's linear algebra run on one thread; call after both are loaded.

    Our matrices are small and run on background threads: OpenBLAS's second thread made a Cholesky
    factor of 1500 x 1500 take 18 times as long on a machine with two cores.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
