"""What every test starts from."""

import os

# Set before TensorFlow is imported anywhere: its notes on drivers that are not there drown a failure.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
