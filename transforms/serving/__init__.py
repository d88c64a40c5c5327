"""The served model: transform graph and Keras model in one SavedModel, proven before it is published."""
