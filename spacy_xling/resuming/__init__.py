"""What a killed run goes on from: checkpoints of a training, files that grow."""
