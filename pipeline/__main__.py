"""`python -m pipeline`."""

from pipeline.cli import main
from trainer_module import garbage

if __name__ == "__main__":
    garbage.collect_seldom()
    main()
