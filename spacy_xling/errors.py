"""Every message of the package, with its code.

A message is one line that says what was found, what was expected and what to do. The first digit of a
code tells the folder it belongs to: 1 data, 2 pieces, 3 models, 4 objective, 5 pipeline, 6 training.
"""


class MessagesWithCodes(type):
    """Prefixes each message with its name in square brackets."""

    def __getattribute__(cls, name: str) -> str:
        message: str = super().__getattribute__(name)
        return message if name.startswith("__") else f"[{name}] {message}"


class Errors(metaclass=MessagesWithCodes):
    # 1 data

    # 2 pieces

    # 3 models

    # 4 objective

    # 5 pipeline

    # 6 training
    pass


class Warnings(metaclass=MessagesWithCodes):
    pass
