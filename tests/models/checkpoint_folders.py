"""Copies of checkpoints' folders, and changes of their configs."""

import json
import shutil


def copy_of(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
