"""What the figures were measured on."""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ("torch", "spacy", "thinc", "spacy-transformers", "transformers", "tokenizers", "onnxruntime")
EDGE, PRODUCTS = 1536, 5


def commit() -> str:
    """The commit of this repository, with `-dirty` where files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def describe() -> dict[str, Any]:
    """CPU, cores and threads, what of bf16 the CPU has, the speed of matrix products, versions."""
    import torch

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "instructions": [name for name in ("avx2", "avx512_bf16", "amx_bf16", "amx_int8") if name in flags],
        "gflops_fp32": gigaflops(torch.float32),
        "gflops_bf16": gigaflops(torch.bfloat16),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def gigaflops(dtype: Any) -> float:
    """Billions of operations per second of one matrix product, the best of several."""
    import torch

    a, b = (torch.randn(EDGE, EDGE).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(PRODUCTS):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return round(2e-9 * EDGE**3 / min(seconds), 1)


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
