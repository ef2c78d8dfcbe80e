"""Label in one language, ship in many: text classification for spaCy under a joint
classification and masked-language-model loss.
"""

__version__ = "0.2.0"
