"""A new encoder from raw text: a tokenizer, a model of a given shape, and how an encoder is written."""
