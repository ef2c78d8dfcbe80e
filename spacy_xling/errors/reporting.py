"""Messages of figures and reports."""


class Errors:
    X736 = "Found the name {path} for the figure; expected one that ends in {expected}. Rename it."
    X737 = "matplotlib can't be imported ({error}); expected it for figures and reports. Install the extra: pip install 'spacy-xling[plots]', or leave {option} out."
