"""What a training needs beside spaCy's loop: batcher, callbacks, loggers, and several processes."""
