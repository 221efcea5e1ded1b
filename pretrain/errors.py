"""The one error that a person at the command line may cause."""


class InputError(ValueError):
    """Bad input, told in one clear line.

    The command line prints the message and exits with code 2, without a traceback; everything
    else that is raised is a defect of ours and keeps its traceback. Messages name the file or the
    option, what was expected and what came.
    """

    def __init__(self, message: str):
        # File names and foreign messages may hold line breaks; the promise is one line.
        super().__init__(" ".join(str(message).splitlines()))


class TrainingDivergedError(RuntimeError):
    """The loss became NaN or infinite, or the embeddings so large that no one can use them."""


class OutputError(OSError):
    """The output cannot be written, such as on a full disk: where, why, when, and what is safe."""
