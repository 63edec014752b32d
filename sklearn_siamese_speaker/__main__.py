"""The command line: ``python -m sklearn_siamese_speaker``, the same as ``siamese-speaker``."""

from ._cli import main

if __name__ == "__main__":
    main()
