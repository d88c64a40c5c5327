"""What others made for training (TFX, TFDV, tf.Transform), found, checked and made fit for a baseline."""
