"""Messages of resuming."""


class Errors:
    X609 = "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. Make room or fix the permissions, then continue with --resume (last whole checkpoint: {kept})."
    X610 = "Found a checkpoint of an earlier run at {path}; expected a folder without. Add --resume to continue that run, or choose another --output folder, or remove {folder}."
    X611 = "The config has changed since {path} was written: {changes}; expected the same one. Undo the changes, or train to another folder."
    X612 = "The training text isn't what the run to resume read in its first {n_batches} batches; expected the same texts in the same order. Restore the files it started with, or start again in another --output folder."
    X613 = "The optimizer keeps values under {keys}, which belong to no parameter of the pipeline; expected only those of thinc's parameters and of torch's named ones. Train with `spacy train`, without checkpoints."
    X615 = "Found checkpoint_every = {found}; expected 1 step or more. Set e.g. --checkpoint-every 500."
    X616 = "The checkpoint {path} can't be read ({error}); expected what a run of this version wrote. Remove the folder and start again."
    X624 = "Found training.dropout = {found}; expected a number from 0.0 to below 1, with its point, or a schedule. Set e.g. --training.dropout 0.1."
    X625 = "Found the checkpoint {path} of {saved} processes; expected as many as train now, {found}. Resume with torchrun --nproc-per-node {saved}, or train into another folder."
    X626 = "Found the components {names} to be trained by {count} processes; expected spacy-xling's own that have their own encoder: gradients of others aren't summed. Freeze them ([training] frozen_components), or train in one process."
    X627 = "Found fewer batches than the {count} processes, each of which takes one per step; expected at least as many. Take smaller batches ([training.batcher]), or fewer processes."
