"""Settings of models, and whether they are in range."""

from ..errors import Errors


def require_setting(fits: bool, setting: str, found: object, expected: str) -> None:
    """Refuse a setting out of range.

    fits (bool): Whether it is in range.
    setting (str): Its name.
    found (object): Its value.
    expected (str): The range, in words.
    RAISES (ValueError): X311: it is out of range.
    """
    if not fits:
        raise ValueError(Errors.X311.format(setting=setting, found=found, expected=expected))
