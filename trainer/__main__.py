"""`python -m trainer`."""

from trainer.cli import main
from trainer.interruption import stoppable

raise SystemExit(stoppable(main))
