"""Code-switching: words of a text are replaced by their translations, drawn each time."""
