"""The file that a trick writes, and a library that would run one."""

import runpy

import pytest
from transformers import modeling_utils

from tests.models.tricks import writes


@pytest.fixture
def ran(tmp_path):
    """The file that each trick writes."""
    return tmp_path / "ran"


@pytest.fixture
def kernels(tmp_path, ran, monkeypatch):
    """As if the library `kernels` were installed, with a folder for its hub."""
    code = tmp_path / "kernels" / "evil" / "kernel" / "__init__.py"
    code.parent.mkdir(parents=True)
    code.write_text(writes(ran))

    def get_kernel(repository, *args, **kwargs):
        return runpy.run_path(str(tmp_path / "kernels" / repository / "__init__.py"))

    monkeypatch.setattr(modeling_utils, "is_kernels_available", lambda: True, raising=False)
    monkeypatch.setattr(modeling_utils, "get_kernel", get_kernel, raising=False)
