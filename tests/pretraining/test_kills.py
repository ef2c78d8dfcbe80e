"""Real processes: killed at random moments and resumed, and several at once."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from tests.pretraining.test_runs import files

N_KILLS = 20
LONG = {"training__max_steps": 600, "training__eval_frequency": 5, "training__batch_pieces": 400}


def command(config, output, *arguments):
    config.to_disk(output.parent / f"{output.name}.cfg")
    return [
        *(sys.executable, "-m", "spacy", "xling", "pretrain", str(output.parent / f"{output.name}.cfg")),
        *("--output", str(output), *arguments),
    ]


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments_the_result_is_that_of_the_run_that_was_not(
    run_config, tmp_path
):
    config = run_config(**LONG)
    log = tmp_path / "whole" / "log.jsonl"
    started = time.monotonic()
    process = subprocess.Popen(command(config, tmp_path / "whole"), stdout=subprocess.DEVNULL)
    while not (log.exists() and log.read_text()):
        assert process.poll() is None
        time.sleep(0.01)
    starting = time.monotonic() - started
    assert process.wait() == 0
    training = json.loads(log.read_text().splitlines()[-1])["seconds"]
    # From the start of a process on, so late that it gets through a fortieth of the training at the most, on
    # average.
    latest = starting + training / 20
    generator = random.Random(0)
    reached = []
    while len(reached) < N_KILLS:
        process = subprocess.Popen(
            command(config, tmp_path / "killed", "--resume"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(generator.uniform(0.5 * starting, latest))
        assert process.poll() is None, "the run came to its end before it was killed so often"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reached.append([path.name for path in (tmp_path / "killed" / "checkpoints").glob("step-*")])
    print(f"{len(reached)} kills, after which there were {reached}")
    subprocess.run(command(config, tmp_path / "killed", "--resume"), check=True, capture_output=True)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_step_on_the_mean_of_all_their_targets_and_can_be_resumed(run_config, tmp_path):
    config = run_config(encoder__dropout=0.0)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def train(output, *arguments):
        arguments = command(config, output, *arguments)[1:]
        subprocess.run([*launch, *arguments], env=environment, check=True, capture_output=True, timeout=300)

    train(tmp_path / "run")
    # A process's own order and masks are those of a single process of its rank; see `steps_of_both`.
    expected = steps_of_both(config)
    found = load_file(tmp_path / "run" / "model-last" / "model.safetensors")
    for name, parameter in expected.items():
        if name in found:
            torch.testing.assert_close(found[name], parameter, rtol=1e-3, atol=1e-4)
    before = files(tmp_path / "run")
    train(tmp_path / "run", "--resume")
    assert files(tmp_path / "run") == before


def steps_of_both(config):
    """Weights after the run's steps, taken by one process on the batches of both ranks."""
    from accelerate import Accelerator

    from spacy_xling.pretraining.pretraining import Pretraining, Streams
    from spacy_xling.pretraining.settings import resolve_settings

    settings = resolve_settings(config)
    run = Pretraining(settings, Accelerator(cpu=True))
    streams = [Streams(settings, run.encoder, rank) for rank in range(2)]

    class Both:
        """The batches of both ranks, in turn, as sub-batches of one step."""

        def __init__(self):
            self.turn = 0

        def draw(self):
            self.turn += 1
            return streams[(self.turn - 1) % 2].draw()

    settings.training.accumulate_gradient = 2
    run.streams = Both()
    for _ in range(settings.training.max_steps):
        run.update()
    return run.masked_lm.model.state_dict()
