"""What a killed run continues from: checkpoints of a training, files that grow."""
