"""``python -m llmrec`` is the command ``llmrec``."""

from llmrec.cli import main

if __name__ == "__main__":
    main()
