"""What could not be recorded of an own run: the keys in the store, and what they say to the person at the keyboard.

The dashboard has the same keys in its texts, in every language.
"""

NOTES = {
    "no_kernels": "No layer with a kernel was found, so that nothing is known of the layers",
    "no_examples": (
        "The training examples cannot be looked at again, so that the figures that need them are missing; "
        "give some with train_data=(x, y)"
    ),
    "no_loss": "The loss could not be computed outside of the training loop, so that no gradient is known",
    "no_signals": "What flows through these layers could not be seen, only their weights and gradients",
    "no_test_data": "No test examples were given; give some with test_data=(x, y)",
    "no_validation": "fit has no validation data",
    "cut": "Only the first examples of a long stream were read, as many as fit in memory",
    "no_accuracy": "The loss is not that of one classification, so that there is a loss but no accuracy",
    "added_loss": (
        "The model adds losses of its own, which are part of the training and validation losses that Keras reports, "
        "and of no other figure"
    ),
    "no_update_ratio": "The size of the last step is not known, because several steps were taken at once",
    "no_spectrum": "The singular values of these kernels would take too long",
    "smaller_probe": "The probe batch was made smaller to fit the memory",
    "from_histograms": "The layers are known from the histograms alone, so that their figures are approximate",
    "no_layers": "The log has no histograms of weights that could be told apart by layer",
    "failed": "A measurement failed",
}


def say(note: str, detail: str) -> str:
    """One sentence without its full stop."""
    return f"{NOTES[note]} ({detail})" if detail else NOTES[note]
