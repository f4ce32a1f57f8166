"""Turn unlabelled underwater photographs into named label layers with STEGO."""

__version__ = "0.1.0"
