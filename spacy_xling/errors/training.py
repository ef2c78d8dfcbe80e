"""Messages of training."""


class Errors:
    X601 = "Found {name} = {value}; expected a finite number of at least 0. Correct it in the config."
    X602 = "Found {name} = {value}; expected a finite number above 0. Correct it in the config."
    X603 = "Found {name} = {value}; expected a whole number of at least 1. Count in optimiser steps."
    X604 = "Found warmup_share = {warmup_share}; expected 0 to below 1. Set e.g. warmup_share = 0.1."
    X605 = "Found {name} = {value}; expected a number in [0, 1). Set e.g. beta1 = 0.9 and beta2 = 0.999."
    X606 = (
        "Found the pattern {pattern!r} in rate_factors, which is no regular expression ({reason}); expected "
        "one that re.search can look for in a parameter's name. Correct the pattern."
    )
    X607 = "Found progress_bar = {value!r}; expected one of {expected}. Set null for no progress bar."
    X608 = "Found keep = {keep}; expected to keep 1 checkpoint or more. Set e.g. keep = 1."
    X609 = (
        "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. "
        "Make room or fix the permissions, then continue with --resume (last whole checkpoint: {kept})."
    )
    X610 = (
        "Found a checkpoint of an earlier run at {path}; expected a folder without. Add --resume to continue "
        "that run, or choose another --output folder, or remove {folder}."
    )
    X611 = (
        "The config has changed since {path} was written: {changes}; expected the same one. Undo the changes, or "
        "train to another folder."
    )
    X612 = (
        "The training text isn't what the run to resume read in its first {n_batches} batches; expected "
        "the same texts in the same order. Restore the files it started with, or start again in another "
        "--output folder."
    )
    X613 = (
        "The optimizer keeps values under {keys}, which belong to no parameter of the pipeline; expected only "
        "those of thinc's parameters and of torch's named ones. Train with `spacy train`, without checkpoints."
    )
    X615 = "Found checkpoint_every = {found}; expected 1 step or more. Set e.g. --checkpoint-every 500."
    X616 = (
        "The checkpoint {path} can't be read ({error}); expected what a run of this version wrote. Remove the "
        "folder and start again."
    )
    X620 = (
        "Found use_averages = true and average_last = {average_last}; expected one kind of average. Set "
        "use_averages = false, or average_last = 0."
    )
    X621 = (
        "TensorBoard is missing; expected the extra for spacy-xling.TensorBoardLogger.v1. Run pip install "
        "'spacy-xling[tensorboard]', or take the logger out of [training.logger]."
    )
    X622 = (
        "Found --gpu-id {gpu}, and no such GPU can be used ({error}); expected one, with CuPy, or -1 for the CPU. Install "
        "CuPy for your CUDA, or leave --gpu-id out."
    )
    X623 = (
        "The config {path} has no section [training]; expected a whole training config. Fill it with spacy init "
        "fill-config, or make one with spacy xling init-config."
    )
    X624 = (
        "Found training.dropout = {found}; expected a number from 0.0 to below 1, with its point, or a schedule. Set e.g. "
        "--training.dropout 0.1."
    )
    X625 = (
        "Found the checkpoint {path} of {saved} processes; expected as many as train now, {found}. Resume with torchrun "
        "--nproc-per-node {saved}, or train into another folder."
    )
    X626 = (
        "Found the components {names} to be trained by {count} processes; expected spacy-xling's own that have their own "
        "encoder: gradients of others aren't summed. Freeze them ([training] frozen_components), or train in one "
        "process."
    )
    X627 = (
        "Found fewer batches than the {count} processes, each of which takes one per step; expected at least as many. "
        "Take smaller batches ([training.batcher]), or fewer processes."
    )


class Warnings:
    W602 = (
        "Found {name} = {found}, and {other} = {expected}; expected the same number of steps in both. Set both, "
        "e.g. with --{other} {expected} --{name} {expected}."
    )
