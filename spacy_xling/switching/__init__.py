"""Code-switching: words of a text are replaced by their translations, anew each time."""
