"""The training loop with its checkpoints: batcher, callbacks, loggers, and several processes."""
