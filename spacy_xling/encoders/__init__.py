"""From raw text to an encoder, and what to know of one: initialise, pre-train, trim, inspect."""
