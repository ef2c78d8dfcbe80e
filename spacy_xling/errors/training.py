"""Messages of training."""


class Errors:
    X601 = "Found {name} = {value}; expected a finite number of at least 0. Correct it in the config."
    X602 = "Found {name} = {value}; expected a finite number above 0. Correct it in the config."
    X603 = "Found {name} = {value}; expected a whole number of at least 1. Count in optimiser steps."
    X604 = "Found warmup_share = {warmup_share}; expected 0 to below 1. Set e.g. warmup_share = 0.1."
    X605 = "Found {name} = {value}; expected a number in [0, 1). Set e.g. beta1 = 0.9 and beta2 = 0.999."
    X606 = "Found the pattern {pattern!r} in rate_factors, which is no regular expression ({reason}); expected one that re.search can look for in a parameter's name. Correct the pattern."
    X607 = "Found progress_bar = {value!r}; expected one of {expected}. Set null for no progress bar."
    X620 = "Found use_averages = true and average_last = {average_last}; expected one kind of average. Set use_averages = false, or average_last = 0."
    X621 = "TensorBoard is missing; expected the extra for spacy-xling.TensorBoardLogger.v1. Run pip install 'spacy-xling[tensorboard]', or take the logger out of [training.logger]."
    X622 = "Found --gpu-id {gpu}, and no such GPU can be used ({error}); expected one, with CuPy, or -1 for the CPU. Install CuPy for your CUDA, or leave --gpu-id out."
    X623 = "The config {path} has no section [training]; expected a whole training config. Fill it with spacy init fill-config, or make one with spacy xling init-config."


class Warnings:
    W602 = "Found {name} = {found}, and {other} = {expected}; expected the same number of steps in both. Set both, e.g. with --{other} {expected} --{name} {expected}."
